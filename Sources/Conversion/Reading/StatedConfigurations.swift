internal import Checkpoints
internal import Foundation
internal import KeyLayouts
public import TensorCore

/// Configurations that a user gives beside a model.
public enum StatedConfigurations {
  /// Reads a diffusers folder, one component's folder, or one JSON file: a component's
  /// `config.json`, a `scheduler_config.json`, a `model_index.json`, or an object with one such
  /// object a component.
  ///
  /// Weights in the folder are not looked at.
  ///
  /// - Throws: `ConversionError` when nothing there is a configuration.
  public static func read(_ path: String) throws -> [String: JSONObject] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(.read, path: path, code: ENOENT)
    }
    guard isFolder.boolValue else {
      return try components(in: JSONFile.object(at: path), path: path)
    }
    var found: [String: JSONObject] = [:]
    for name in Component.allCases.map(\.rawValue) + ["scheduler"] {
      for file in ["config.json", "scheduler_config.json"] {
        let place = "\(path)/\(name)/\(file)"
        if FileManager.default.fileExists(atPath: place) {
          found[name] = try JSONFile.object(at: place)
        }
      }
    }
    let index = "\(path)/\(indexName).json"
    if FileManager.default.fileExists(atPath: index) {
      found[indexName] = try JSONFile.object(at: index)
    }
    for file in ["config.json", "scheduler_config.json"] where found.isEmpty {
      let place = "\(path)/\(file)"
      if FileManager.default.fileExists(atPath: place) {
        found = try components(in: JSONFile.object(at: place), path: place)
      }
    }
    guard !found.isEmpty else {
      throw ConversionError(
        path: path, problem: "has no configuration, expected unet/config.json or config.json")
    }
    return found
  }

  /// The name among the components under which a pipeline's index is found.
  static let indexName = "model_index"

  private static func components(
    in object: JSONObject, path: String
  ) throws(ConversionError) -> [String: JSONObject] {
    let name =
      object["_class_name"]?.stringValue
      ?? object["architectures"]?.arrayValue?.first?.stringValue
    if let name {
      if name.hasSuffix("Scheduler") { return ["scheduler": object] }
      if name.hasSuffix("Pipeline") { return [indexName: object] }
      if let component = DiffusersClass.component(of: name) { return [component: object] }
    }
    let known = Set(Component.allCases.map(\.rawValue) + ["scheduler", indexName])
    var parts: [(String, JSONObject)] = []
    for member in object.members where known.contains(member.key) {
      guard let fields = member.value.objectValue else {
        throw ConversionError(
          path: path, problem: "'\(member.key)' is \(member.value.text()), expected an object")
      }
      parts.append((member.key, fields))
    }
    guard !parts.isEmpty else {
      throw ConversionError(
        path: path,
        problem: "is of class \(name ?? "unknown"), expected a configuration of a component or one "
          + "object a component: \(known.sorted().joined(separator: ", "))")
    }
    return Dictionary(uniqueKeysWithValues: parts)
  }
}
