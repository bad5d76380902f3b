internal import Foundation
public import TensorCore

/// What PEFT's configuration says about the scales: diffusers writes it into the file's metadata as
/// `lora_adapter_metadata`, PEFT itself beside the file as `adapter_config.json`.
public struct AdapterMetadata: Sendable, Hashable {
  private let fields: JSONObject

  /// Nothing is said.
  public init() { fields = [:] }

  /// Reads PEFT's configuration.
  ///
  /// - Parameter fields: the fields, below `unet.` and the like where there are several components.
  public init(_ fields: JSONObject) { self.fields = fields }

  /// Finds diffusers' entry in a file's metadata. One that is no JSON object says nothing.
  public init(inFile metadata: JSONObject) {
    fields = metadata["lora_adapter_metadata"]?.unquoted.objectValue ?? [:]
  }

  /// Whether nothing is said.
  public var isEmpty: Bool { fields.isEmpty }

  /// The scale's numerator, as the configuration has it.
  public func alpha(of module: AdapterModuleName) -> Double? {
    value(of: module, "alpha_pattern", "lora_alpha") ?? value(of: module, "alpha_pattern", "alpha")
  }

  /// The rank, as the configuration has it.
  public func rank(of module: AdapterModuleName) -> Double? {
    value(of: module, "rank_pattern", "r")
  }

  /// Whether the scale divides by the root of the rank (rsLoRA).
  public func isRankStabilised(_ module: AdapterModuleName) -> Bool {
    field("use_rslora", of: module)?.boolValue ?? false
  }

  private func field(_ name: String, of module: AdapterModuleName) -> JSON? {
    for scope in module.scopes ?? ["unet", "transformer", "text_encoder", "text_encoder_2"] {
      if let value = fields["\(scope).\(name)"] { return value }
    }
    return fields[name]
  }

  private func value(
    of module: AdapterModuleName, _ pattern: String, _ name: String
  ) -> Double? {
    guard let common = field(name, of: module)?.doubleValue else { return nil }
    // PEFT's `get_pattern_key`: the whole name, or its last components; diffusers pins the start.
    let special = field(pattern, of: module)?.objectValue?.members.first { member in
      let key = member.key.replacingOccurrences(of: "\\.", with: ".")
      if key.hasPrefix("^") { return module.path == key.dropFirst() }
      return module.path == key || module.path.hasSuffix("." + key)
    }
    return special?.value.doubleValue ?? common
  }
}
