internal import KeyLayouts
internal import TensorCore

/// The names of a LoRA's tensors in a file.
struct AdapterFileNames {
  private let naming: ExtractionRequest.Naming
  /// By canonical module, its name in kohya's tools without dots.
  private let flat: [String: String]

  /// - Parameters:
  ///   - modules: the canonical modules.
  ///   - model: all canonical tensors of the model, which tell its levels.
  init(
    _ naming: ExtractionRequest.Naming, _ family: Family, modules: [String],
    model: [TensorDescription]
  ) {
    self.naming = naming
    guard naming == .kohya else {
      flat = [:]
      return
    }
    let isXL = family == .stableDiffusionXL || family == .stableDiffusionXLRefiner
    let original = isXL ? Self.originalNames(model, family) : [:]
    flat = Dictionary(
      uniqueKeysWithValues: modules.map { module in
        let path = original[module] ?? String(module.drop { $0 != "." }.dropFirst())
        return (
          module,
          Self.prefix(of: module, isXL: isXL) + path.replacing(".", with: "_")
        )
      })
  }

  private static func prefix(of module: String, isXL: Bool) -> String {
    if module.hasPrefix(Component.textEncoder2.prefix) { return "lora_te2_" }
    if module.hasPrefix(Component.textEncoder.prefix) { return isXL ? "lora_te1_" : "lora_te_" }
    return "lora_unet_"
  }

  /// SDXL's U-Net has SGM's names in kohya's tools: `input_blocks_4_1_…`.
  private static func originalNames(
    _ model: [TensorDescription], _ family: Family
  ) -> [String: String] {
    let tensors = model.filter { $0.name.hasPrefix(Component.unet.prefix) }
    let start = "model.diffusion_model."
    guard let ledger = try? LayoutReading.ledger(writing: tensors, as: .ldm, of: family) else {
      return [:]
    }
    return Dictionary(
      uniqueKeysWithValues: ledger.mapped.compactMap { index, target in
        guard target.name.hasPrefix(start), target.name.hasSuffix(".weight") else { return nil }
        return (
          String(tensors[index].name.dropLast(".weight".count)),
          String(target.name.dropFirst(start.count).dropLast(".weight".count))
        )
      })
  }

  /// A module's factors under their names, and in kohya's naming its `alpha`.
  func tensors(of module: String, alpha value: Float, _ factors: [TensorView]) -> [TensorView] {
    guard naming == .kohya, let name = flat[module] else {
      return zip(["lora_A", "lora_B"], factors).map { kind, view in
        Self.named("\(module).\(kind).weight", view)
      }
    }
    let alpha = TensorView(
      description: TensorDescription(name: "", elementType: .float32, shape: []),
      storage: ByteStorage(count: 4) { target in
        target.withUnsafeMutableBytes { $0.storeBytes(of: value, as: Float.self) }
      }, byteRange: 0..<4)
    return [
      Self.named("\(name).lora_down.weight", factors[0]),
      Self.named("\(name).lora_up.weight", factors[1]), Self.named("\(name).alpha", alpha),
    ]
  }

  private static func named(_ name: String, _ view: TensorView) -> TensorView {
    var description = view.description
    description.name = name
    return view.described(as: description)
  }
}
