import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport

extension Tool {
  /// Writes the small model of `Fixtures/models` into the test's folder, as a diffusers folder.
  ///
  /// - Returns: the folder's path.
  func writeSmallModel(_ name: String = "model") throws -> String {
    let model = try PipelineModel().model
    let components = [
      ("unet", "diffusers", "UNet2DConditionModel", "diffusion_pytorch_model"),
      ("vae", "diffusers", "AutoencoderKL", "diffusion_pytorch_model"),
      ("text_encoder", "transformers", "CLIPTextModel", "model"),
    ]
    var index: JSONObject = ["_class_name": "StableDiffusionPipeline"]
    for (component, library, type, stem) in components {
      index[component] = [.string(library), .string(type)]
      try makeFolder("\(name)/\(component)")
      try write(Tensors(of: model, component), to: "\(name)/\(component)/\(stem).safetensors")
      try writeJSON(model.configurations[component], "\(name)/\(component)/config.json")
    }
    index["scheduler"] = ["diffusers", "PNDMScheduler"]
    index["tokenizer"] = ["transformers", "CLIPTokenizer"]
    try makeFolder("\(name)/scheduler")
    try makeFolder("\(name)/tokenizer")
    try writeJSON(model.configurations["scheduler"], "\(name)/scheduler/scheduler_config.json")
    for (path, bytes) in model.attachments { _ = try write("\(name)/\(path)", Data(bytes)) }
    try writeJSON(index, "\(name)/model_index.json")
    return file(name)
  }

  /// Writes the small model with one of its files changed.
  func writeSmallModel(
    editing path: String = "unet/diffusion_pytorch_model.safetensors",
    _ edit: (inout SafetensorsEdit) -> Void
  ) throws -> String {
    let model = try writeSmallModel()
    var contents = try SafetensorsEdit(path: "\(model)/\(path)")
    edit(&contents)
    _ = try write("model/\(path)", contents.data)
    return model
  }

  private func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: file(name), withIntermediateDirectories: true)
  }

  private func writeJSON(_ object: JSONObject?, _ name: String) throws {
    _ = try write(name, Data(JSON.object(object ?? [:]).text().utf8))
  }

  private func write(_ tensors: Tensors, to name: String) throws {
    var writer = try SafetensorsWriter(path: file(name))
    try writer.begin(tensors: tensors.views.map(\.description), metadata: ["format": "pt"])
    for view in tensors.views { try writer.append(view) }
    try writer.finish()
  }

  /// The tensors of a component under the names that its own file has.
  private struct Tensors {
    let views: [TensorView]

    init(of model: CanonicalModel, _ component: String) throws {
      let all = model.tensors.tensors.indices.filter {
        model.tensors.tensors[$0].name.hasPrefix(component + ".")
      }
      views = try all.map { index in
        let view = try model.tensors.tensor(at: index)
        return view.described(
          as: TensorDescription(
            name: String(view.name.dropFirst(component.count + 1)), elementType: view.elementType,
            shape: view.shape))
      }
    }
  }
}
