import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Validation

/// References whose entries no model can take: an error that names the entry, no crash, and no
/// verdict over nothing.
@Suite struct HostileReferenceTests {
  /// What stands in a reference in place of something sound.
  struct Defect: Sendable, CustomStringConvertible {
    let component: ComponentName
    let edit: @Sendable (inout ReferenceFile) -> Void
    let message: String
    var description: String { message }

    init(
      _ component: ComponentName, _ message: String,
      _ edit: @escaping @Sendable (inout ReferenceFile) -> Void
    ) {
      (self.component, self.edit, self.message) = (component, edit, message)
    }
  }

  static let generation = """
    {"prompt": "a", "negative_prompt": "", "seed": 1, "steps": 2, "guidance_scale": 7.5,
     "width": 64, "height": 64, "scheduler": "PNDMScheduler"}
    """

  static let defects: [Defect] = [
    Defect(.tokenizer, "metadata 'tokenizer.prompts': expected a list of one or more strings") {
      $0.metadata["tokenizer.prompts"] = "[]"
      $0.add("tokenizer/ids", shape: [0, 77], integers: [])
    },
    Defect(.clip, "tensor 'clip/ids' is [0, 77], expected [*, *]") {
      $0.add("clip/ids", shape: [0, 77], integers: [])
    },
    Defect(.unet, "tensor 'unet/timesteps' is [0], expected [*]") {
      $0.add("unet/timesteps", shape: [0], floats: [])
    },
    Defect(.unet, "tensor 'unet/timesteps': timestep nan, expected finite numbers") {
      $0.add("unet/timesteps", shape: [2], floats: [1, .nan])
    },
    Defect(.unet, "tensor 'unet/timesteps': timestep inf, expected finite numbers") {
      $0.add("unet/timesteps", shape: [1], floats: [.infinity])
    },
    Defect(.unet, "tensor 'unet/0/sample' is [0, 4, 8, 8], expected [*, 4, *, *]") {
      $0.add("unet/timesteps", shape: [1], floats: [1])
      $0.add("unet/0/sample", shape: [0, 4, 8, 8], floats: [])
    },
    Defect(.unet, "tensor 'unet/0/context' is [1, 0, 24], expected [1, *, 24]") {
      $0.add("unet/timesteps", shape: [1], floats: [1])
      $0.add("unet/0/sample", shape: [1, 4, 4, 4], floats: [Float](repeating: 0, count: 64))
      $0.add("unet/0/context", shape: [1, 0, 24], floats: [])
    },
    Defect(.vae, "tensor 'vae/image' is [0, 3, 64, 64], expected [*, 3, *, *]") {
      $0.add("vae/image", shape: [0, 3, 64, 64], floats: [])
    },
    Defect(.vae, "tensor 'vae/image': extent 9, expected a multiple of 8") {
      $0.add("vae/image", shape: [1, 3, 8, 9], floats: [Float](repeating: 0, count: 216))
    },
    Defect(.scheduler, "metadata 'scheduler.cases': expected a list of one or more objects") {
      $0.metadata["scheduler.cases"] = "[]"
    },
    Defect(.generation, "metadata 'generation.cases': expected a list of one or more objects") {
      $0.metadata["generation.cases"] = "[]"
    },
    Defect(.generation, "tensor 'generation/0/picture' is missing") {
      $0.metadata["generation.cases"] = "[\(generation)]"
    },
    Defect(
      .generation,
      "metadata 'generation.cases': picture 1: width 60, expected a multiple of 8 up to 16384"
    ) {
      $0.metadata["generation.cases"] =
        "[\(generation.replacing("\"width\": 64", with: "\"width\": 60"))]"
      $0.add(
        "generation/0/picture", shape: [64, 60, 3], bytes: [UInt8](repeating: 0, count: 11520))
      $0.add("generation/0/latents", shape: [1, 1, 1, 1], floats: [0])
      $0.add("generation/0/initial", shape: [1, 1, 1, 1], floats: [0])
    },
  ]

  /// A reference with the small model's identity and nothing else, then changed.
  private func withReference(
    _ edit: (inout ReferenceFile) -> Void, _ body: (String, CanonicalModel) throws -> Void
  ) throws {
    let model = try PipelineModel().model
    var file = ReferenceFile()
    file.metadata["components"] = #"["tokenizer","clip","unet","vae","scheduler","generation"]"#
    file.metadata["probes"] = #"{"unet.conv_in.bias": [16]}"#
    edit(&file)
    if !file.names.contains("probe/unet.conv_in.bias") {
      let bias = try #require(model.tensors.tensors.firstIndex { $0.name == "unet.conv_in.bias" })
      let values = try model.tensors.tensor(at: bias).withBytes { bytes in
        (0..<8).map { Float(bytes.unsafeLoadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
      }
      file.add("probe/unet.conv_in.bias", shape: [8], floats: values)
    }
    let path = try file.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path, model)
  }

  @Test(arguments: defects) func entryIsNamed(defect: Defect) throws {
    try withReference(defect.edit) { path, model in
      let validator = try Validator(model: model, reference: try ReferenceBundle(path: path))
      let error = #expect(throws: ReferenceError.self) {
        try validator.validate(defect.component)
      }
      #expect(error?.description == "\(path): \(defect.message)")
    }
  }

  @Test func probesOfNothingProveNothing() throws {
    for (shape, message) in [
      ("[16]", "tensor 'probe/unet.conv_in.bias' is [0], expected [*]"),
      ("[-1]", "metadata 'probes': expected the shape of 'unet.conv_in.bias'"),
    ] {
      try withReference({
        $0.metadata["probes"] = "{\"unet.conv_in.bias\": \(shape)}"
        if shape == "[16]" { $0.add("probe/unet.conv_in.bias", shape: [0], floats: []) }
      }) { path, model in
        let bundle = try ReferenceBundle(path: path)
        let error = #expect(throws: ReferenceError.self) {
          try Validator(model: model, reference: bundle)
        }
        #expect(error?.description == "\(path): \(message)")
      }
    }
  }
}
