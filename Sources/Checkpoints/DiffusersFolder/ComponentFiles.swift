internal import Foundation
internal import TensorCore

/// The files of one component in a diffusers folder, found by the names that diffusers and
/// transformers look for.
struct ComponentFiles {
  /// The files of weights: one, or the shards of an index in the order of their names.
  let weights: [String]
  /// The index of the shards, where there are shards.
  let index: String?
  /// The configuration's file, where there is one.
  let configuration: String?
  /// Everything else, by name: the tokenizer's vocabulary, a feature extractor's settings.
  let others: [String]

  static let configurationNames = ["config.json", "scheduler_config.json"]
  /// diffusers' name, transformers' with safetensors, transformers' with pickles.
  private static let stems = ["diffusion_pytorch_model", "model", "pytorch_model"]
  private static let endings = ["safetensors", "bin"]
  /// Weights that are the model's own come before its variants.
  private static let variants = ["", ".fp16", ".non_ema"]

  /// Looks into a folder.
  ///
  /// - Throws: `FileError` when it cannot be listed, `DiffusersFolderError` when an index of shards
  ///   is damaged.
  init(folder: String) throws {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw FileError(.open, path: folder, code: errno)
    }
    configuration = Self.configurationNames.first(where: names.contains)
    (weights, index) = try Self.weights(among: Set(names), folder: folder)
    others = names.filter { !Self.configurationNames.contains($0) && !$0.hasPrefix(".") }
  }

  /// Everything that makes the component.
  var all: [String] {
    [configuration, index].compactMap(\.self) + (weights.isEmpty ? others : weights)
  }

  private static func weights(
    among names: Set<String>, folder: String
  ) throws -> (files: [String], index: String?) {
    for ending in endings {
      for variant in variants {
        for stem in stems {
          let name = "\(stem)\(variant).\(ending)"
          if names.contains(name) { return ([name], nil) }
          // transformers and diffusers put the variant in different places.
          for index in ["\(stem).\(ending).index\(variant).json", "\(name).index.json"]
          where names.contains(index) {
            return (try shards(index: "\(folder)/\(index)"), index)
          }
        }
      }
    }
    return ([], nil)
  }

  /// The files that an index names.
  private static func shards(index path: String) throws -> [String] {
    let json = try DiffusersFolderReader.object(at: path)
    guard let map = json["weight_map"]?.objectValue, !map.isEmpty else {
      throw DiffusersFolderError(path: path, problem: "has no 'weight_map' of tensors and files")
    }
    var files: Set<String> = []
    for member in map.members {
      guard let file = member.value.stringValue, DiffusersFolderReader.isPlainName(file) else {
        throw DiffusersFolderError(
          path: path,
          problem: "tensor '\(member.key)' is in \(member.value.text()), expected a file's name")
      }
      files.insert(file)
    }
    return files.sorted()
  }
}
