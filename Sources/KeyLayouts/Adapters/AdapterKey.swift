/// The name of an adapter's tensor taken apart: which module, and what of it.
public struct AdapterKey: Sendable, Hashable {
  /// The module.
  public let module: AdapterModuleName
  /// The name without the ending that tells the role.
  public let stem: String
  /// What the tensor is to it.
  public let role: AdapterRole
  /// The naming that the name follows; `nil` where several write it so.
  public let naming: AdapterNaming?

  /// Takes a name apart; `nil` for one that no adapter has.
  public init?(_ name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let ending = Self.ending(of: parts), ending.length < parts.count else { return nil }
    var path = parts.dropLast(ending.length).map(String.init)
    if ending.isInName { path[path.count - 1].removeLast("_lora".count) }
    guard let module = AdapterModuleName(path) else { return nil }
    stem = path.joined(separator: ".")
    self.module = module
    role = ending.role
    naming = module.isFlat ? .kohya : ending.naming
  }

  /// The last components of a name, as far as they tell the role.
  private struct Ending {
    let role: AdapterRole
    /// How many components.
    let length: Int
    var naming: AdapterNaming?
    /// Whether the module's own last component ends in `_lora`: `to_q_lora.down.weight`.
    var isInName = false
  }

  private static func ending(of parts: [Substring]) -> Ending? {
    // From the last component inwards: `weight` and the name of PEFT's adapter stand behind.
    for behind in 0...2 where behind < parts.count {
      let place = parts.count - 1 - behind
      let (word, rest) = (parts[place], parts[(place + 1)...])
      let isWeight = rest.isEmpty || rest == ["weight"]
      let length = behind + 1
      switch word {
      case "lora_down" where isWeight: return Ending(role: .down, length: length, naming: .kohya)
      case "lora_up" where isWeight: return Ending(role: .up, length: length, naming: .kohya)
      case "lora_mid" where isWeight: return Ending(role: .mid, length: length, naming: .kohya)
      case "lora_A" where isOfAdapter(rest):
        return Ending(role: .down, length: length, naming: .peft)
      case "lora_B" where rest.last == "bias" && rest.count <= 2:
        return Ending(role: .upBias, length: length, naming: .peft)
      case "lora_B" where isOfAdapter(rest):
        return Ending(role: .up, length: length, naming: .peft)
      case "down" where isWeight && place > 0, "up" where isWeight && place > 0:
        let role: AdapterRole = word == "down" ? .down : .up
        switch parts[place - 1] {
        case "lora", "lora_linear_layer":
          return Ending(role: role, length: length + 1, naming: .diffusers)
        case let name where name.hasSuffix("_lora") && name != "_lora":
          return Ending(role: role, length: length, naming: .diffusers, isInName: true)
        default: break
        }
      case "a1" where rest == ["weight"]: return Ending(role: .gloraA1, length: length)
      case "a2" where rest == ["weight"]: return Ending(role: .gloraA2, length: length)
      case "b1" where rest == ["weight"]: return Ending(role: .gloraB1, length: length)
      case "b2" where rest == ["weight"]: return Ending(role: .gloraB2, length: length)
      case "alpha", "dora_scale", "diff", "diff_b", "w_norm", "b_norm":
        if rest.isEmpty {
          return AdapterRole(rawValue: String(word)).map { Ending(role: $0, length: length) }
        }
      case "lora_magnitude_vector":
        if isOfAdapter(rest) { return Ending(role: .magnitude, length: length, naming: .peft) }
      default:
        if word.hasPrefix("hada_") || word.hasPrefix("lokr_"), isOfAdapter(rest),
          let role = AdapterRole(rawValue: String(word))
        {
          return Ending(role: role, length: length)
        }
      }
    }
    return nil
  }

  /// Whether nothing but PEFT's name for the adapter and `weight` follows.
  private static func isOfAdapter(_ rest: ArraySlice<Substring>) -> Bool {
    rest.count <= 1 || rest.count == 2 && rest.last == "weight"
  }
}
