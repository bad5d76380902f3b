public import TensorCore

/// A component that its own configuration makes another network than the table of its family
/// describes: conditions, blocks or a class that no single file in the original names ever had.
/// Its tensors keep the names and shapes that diffusers gave them.
public struct ComponentVariant: Sendable, Hashable {
  /// The component.
  public let component: Component
  /// diffusers' field that says so.
  public let field: String
  /// What the field says.
  public let value: JSON

  /// Reads a component's configuration; `nil` where the family's table describes it.
  init?(_ component: Component, stated: JSONObject) {
    let found = Self.rules(of: component).first { rule in
      guard let value = stated[rule.field] else { return false }
      return !rule.isPlain(value)
    }
    guard let found, let value = stated[found.field] else { return nil }
    self.component = component
    field = found.field
    self.value = value
  }

  /// The variants among the components of a model, by their configurations.
  public static func all(in configurations: [String: JSONObject]) -> [ComponentVariant] {
    Component.allCases.compactMap { component in
      configurations[component.rawValue].flatMap { ComponentVariant(component, stated: $0) }
    }
  }

  /// The field and what it says, for messages.
  public var statement: String { "\(field) \(value.text())" }

  /// What one field may say of a component that has a table.
  private struct Rule {
    let field: String
    let isPlain: @Sendable (JSON) -> Bool

    init(_ field: String, _ isPlain: @escaping @Sendable (JSON) -> Bool) {
      self.field = field
      self.isPlain = isPlain
    }

    /// A field with these values alone; `null` stands for the first.
    init(_ field: String, _ values: [JSON]) {
      self.init(field) { value in
        value == .null || values.contains { $0 == value || $0.isSameNumber(as: value) }
      }
    }

    /// A list of these values alone.
    init(_ field: String, listOf values: Set<String>) {
      self.init(field) { value in
        value.arrayValue?.allSatisfy { $0.stringValue.map(values.contains) ?? false } ?? true
      }
    }
  }

  private static func rules(of component: Component) -> [Rule] {
    switch component {
    case .unet: network
    case .controlNet: [Rule("_class_name", ["ControlNetModel"])] + network
    case .vae: autoencoder
    case .textEncoder, .textEncoder2: textEncoder
    }
  }

  /// A U-Net's fields, as diffusers' `UNet2DConditionModel` has them. Of what class a U-Net is tells
  /// its family, which is not settled here.
  private static let network = [
    Rule(
      "down_block_types", listOf: ["CrossAttnDownBlock2D", "DownBlock2D"]),
    Rule("up_block_types", listOf: ["CrossAttnUpBlock2D", "UpBlock2D"]),
    Rule("mid_block_type", ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"]),
    Rule("class_embed_type", []), Rule("addition_embed_type", ["text_time"]),
    Rule("encoder_hid_dim", []), Rule("encoder_hid_dim_type", []),
    Rule("dual_cross_attention", [false]), Rule("resnet_time_scale_shift", ["default"]),
    Rule("time_embedding_type", ["positional"]), Rule("time_embedding_dim", []),
    Rule("conv_in_kernel", [3]), Rule("conv_out_kernel", [3]),
    Rule("attention_type", ["default"]), Rule("class_embeddings_concat", [false]),
    Rule("cross_attention_norm", []),
    Rule("cross_attention_dim") { value in
      // One width for all levels may stand once a level.
      value.arrayValue.map { Set($0).count <= 1 } ?? true
    },
  ]

  private static let autoencoder = [
    Rule("_class_name", ["AutoencoderKL"]),
    Rule("down_block_types", listOf: ["DownEncoderBlock2D"]),
    Rule("up_block_types", listOf: ["UpDecoderBlock2D"]),
  ]

  private static let textEncoder = [
    Rule("architectures", listOf: textEncoderClasses)
  ]

  /// The classes whose text encoder the tables describe.
  static let textEncoderClasses: Set<String> = [
    "CLIPTextModel", "CLIPTextModelWithProjection", "CLIPModel",
  ]
}

extension JSON {
  /// Whether both are numbers, and the same: `1` and `1.0` are.
  func isSameNumber(as other: JSON) -> Bool {
    doubleValue.map { $0 == other.doubleValue } ?? false
  }
}
