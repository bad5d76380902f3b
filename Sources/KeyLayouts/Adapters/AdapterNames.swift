public import TensorCore

/// Writes an adapter's names in one naming.
public struct AdapterNames: Sendable {
  /// The naming.
  public let naming: AdapterNaming
  /// The family, which tells kohya's prefixes and, for SDXL, LDM's names of the U-Net: that is what
  /// its trainer works on.
  public let family: Family
  /// By canonical module of the U-Net, LDM's path.
  private let originals: [String: String]

  /// Prepares names.
  ///
  /// - Parameter tensors: the model's, under canonical names.
  /// - Throws: `LayoutError` when two tensors would get one name in LDM's layout.
  public init(
    _ naming: AdapterNaming, family: Family, _ tensors: [TensorDescription]
  ) throws(LayoutError) {
    self.naming = naming
    self.family = family
    let isLarge = family == .stableDiffusionXL || family == .stableDiffusionXLRefiner
    guard naming == .kohya, isLarge else {
      originals = [:]
      return
    }
    let ledger = try LayoutReading.ledger(writing: tensors, as: .ldm, of: family)
    let prefix = "model.diffusion_model."
    originals = Dictionary(
      ledger.mapped.compactMap { index, target in
        let canonical = tensors[index].name
        guard target.name.hasPrefix(prefix), let dot = target.name.lastIndex(of: "."),
          let own = canonical.lastIndex(of: ".")
        else { return nil }
        return (String(canonical[..<own]), String(target.name[..<dot].dropFirst(prefix.count)))
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The name of a tensor; `nil` for a role that the naming has no place for.
  ///
  /// - Parameter module: the module's canonical name: `unet.conv_in`.
  public func name(of role: AdapterRole, in module: String) -> String? {
    switch naming {
    case .kohya:
      guard let ending = Self.kohyaEnding(role) else { return nil }
      return kohyaModule(module) + "." + ending
    case .diffusers:
      // Text encoders have an ending of their own.
      let infix = module.hasPrefix("text_encoder") ? "lora_linear_layer" : "lora"
      switch role {
      case .down: return "\(module).\(infix).down.weight"
      case .up: return "\(module).\(infix).up.weight"
      default: return dottedName(of: role, in: module)
      }
    case .peft:
      switch role {
      case .down: return module + ".lora_A.weight"
      case .up: return module + ".lora_B.weight"
      default: return dottedName(of: role, in: module)
      }
    }
  }

  private func dottedName(of role: AdapterRole, in module: String) -> String? {
    switch role {
    case .doraScale, .magnitude: return module + ".lora_magnitude_vector"
    case .upBias: return module + ".lora_B.bias"
    // A kernel in between has no place in PEFT; alpha is in its configuration.
    case .mid: return nil
    case .gloraA1, .gloraA2, .gloraB1, .gloraB2: return "\(module).\(role.rawValue).weight"
    default: return "\(module).\(role.rawValue)"
    }
  }

  private static func kohyaEnding(_ role: AdapterRole) -> String? {
    switch role {
    case .down: "lora_down.weight"
    case .up: "lora_up.weight"
    case .mid: "lora_mid.weight"
    case .doraScale, .magnitude: "dora_scale"
    case .gloraA1, .gloraA2, .gloraB1, .gloraB2: role.rawValue + ".weight"
    case .upBias: nil
    default: role.rawValue
    }
  }

  private func kohyaModule(_ module: String) -> String {
    let dot = module.firstIndex(of: ".") ?? module.endIndex
    let (scope, path) = (module[..<dot], module[dot...].dropFirst())
    let prefix =
      switch scope {
      case "unet": "lora_unet"
      case "text_encoder": family == .stableDiffusionXL ? "lora_te1" : "lora_te"
      case "text_encoder_2": "lora_te2"
      default: "lora_\(scope)"
      }
    let own = originals[module] ?? String(path)
    return prefix + "_" + AdapterTargets.flattened(own)
  }
}
