internal import TensorCore

/// The sizes of every component that is there.
struct ComponentSizes {
  private(set) var unet: UNetDimensions?
  private(set) var vae: VAEDimensions?
  private(set) var textEncoders: [TextEncoderDimensions] = []
  private(set) var controlNet: ControlNetDimensions?

  /// Measures components under canonical names.
  ///
  /// - Parameters:
  ///   - components: those that have a table.
  ///   - stated: the configurations that are stated.
  /// - Throws: `LayoutError` when blocks do not add up to levels, or a tensor that tells a size is
  ///   missing.
  init(
    _ components: [Component], _ names: Names, _ measures: Measures,
    stated: [String: JSONObject] = [:]
  ) throws(LayoutError) {
    for component in components {
      let prefix = component.prefix
      switch component {
      case .unet:
        guard let plan = UNetPlan(diffusers: names, prefix: prefix) else {
          throw LayoutError(.irregular(component))
        }
        unet = try UNetDimensions(component: .unet, plan: plan, measures: measures)
      case .vae:
        guard let plan = VAEPlan(diffusers: names, prefix: prefix) else {
          throw LayoutError(.irregular(component))
        }
        vae = try VAEDimensions(
          plan: plan, measures: measures, stated: stated[component.rawValue])
      case .textEncoder, .textEncoder2:
        textEncoders.append(
          try TextEncoderDimensions(component: component, names: names, measures: measures))
      case .controlNet:
        guard let plan = ControlNetPlan(diffusers: names, prefix: prefix) else {
          throw LayoutError(.irregular(component))
        }
        controlNet = try ControlNetDimensions(plan: plan, measures: measures)
      }
    }
  }

  /// Every tensor that the components must have.
  var expected: [(name: String, shape: TensorShape)] {
    (unet?.expected ?? []) + (vae?.expected ?? []) + textEncoders.flatMap(\.expected)
      + (controlNet?.expected ?? [])
  }

  /// The width of the pooled text.
  private var pooledWidth: Int? { textEncoders.compactMap(\.projectionWidth).last }

  /// What is worth knowing although nothing is wrong.
  ///
  /// - Parameter noted: the configurations of the components.
  func remarks(_ noted: [String: NotedConfiguration]) -> [String] {
    var remarks: [String] = []
    let projecting = Component.textEncoder2
    if textEncoders.contains(where: { $0.component == projecting && $0.projectionWidth == nil }) {
      remarks.append(
        "the \(projecting.title) has no text_projection and is read as a CLIPTextModel: it gives "
          + "no pooled text")
    }
    if let unet, unet.plan.middle == .none,
      noted[Component.unet.rawValue]?.origins["mid_block_type"] == .derived
    {
      remarks.append("the U-Net has no middle block, as some distilled ones")
    }
    for network in [unet, controlNet?.unet] {
      guard let network, let width = network.addedWidth, let pooledWidth,
        noted[network.component.rawValue]?.origins["addition_time_embed_dim"] == .assumed
      else { continue }
      remarks.append(
        "the \(network.component.title)'s conditions are \(width) wide, which a pooled text of "
          + "\(pooledWidth) and embedded numbers do not fill: --config settles addition_time_embed_dim"
      )
    }
    if let vae, vae.latentChannels != 4,
      noted[Component.vae.rawValue]?.origins["scaling_factor"] == .assumed
    {
      remarks.append(
        "the VAE's latents have \(vae.latentChannels) channels, and nothing says how they are "
          + "scaled and shifted: --config settles it")
    }
    return remarks
  }

  /// The network attends to what the text encoders give: with SDXL's two side by side.
  ///
  /// - Throws: `LayoutError` when the widths or the latents disagree, so that these are parts of two
  ///   models.
  func checkWidths() throws(LayoutError) {
    if let unet, let vae,
      unet.outputChannels != vae.latentChannels || unet.inputChannels < vae.latentChannels
    {
      throw LayoutError(
        .latentsDisagree(
          input: unet.inputChannels, output: unet.outputChannels, vae: vae.latentChannels))
    }
    let texts = textEncoders.map(\.width)
    if let width = unet?.contextWidth, let other = controlNet?.unet.contextWidth, width != other {
      throw LayoutError(
        .widthsDisagree(network: .controlNet, context: other, texts: [width]))
    }
    for network in [unet, controlNet?.unet] {
      guard let network, let context = network.contextWidth, !texts.isEmpty else { continue }
      // Where SDXL's encoders are not both there, the other's share is unknown.
      let isHalf = network.addedWidth != nil && texts.count == 1
      guard isHalf ? context >= texts[0] : context == texts.reduce(0, +) else {
        throw LayoutError(
          .widthsDisagree(network: network.component, context: context, texts: texts))
      }
    }
  }
}

extension ComponentSizes {
  /// SDXL's networks take sizes and a pooled text beside the timestep.
  ///
  /// - Throws: `LayoutError` when the text encoders are SDXL's and the network takes nothing of the
  ///   kind, unless its configuration says so.
  func checkConditions(
    _ family: Family, _ stated: [String: JSONObject], _ measures: Measures
  ) throws(LayoutError) {
    guard family == .stableDiffusionXL || family == .stableDiffusionXLRefiner else { return }
    for network in [unet, controlNet?.unet] {
      guard let network, network.addedWidth == nil,
        stated[network.component.rawValue]?["addition_embed_type"] == nil
      else { continue }
      _ = try measures.extent(1, of: network.component.prefix + "add_embedding.linear_1.weight")
    }
    // The pooled text has a place in it, where no configuration knows better.
    for network in [unet, controlNet?.unet] {
      guard let network, let width = network.addedWidth, let pooledWidth,
        stated[network.component.rawValue]?["addition_time_embed_dim"] == nil, width <= pooledWidth
      else { continue }
      let name = network.component.prefix + "add_embedding.linear_1.weight"
      let rows = try measures.extent(0, of: name)
      let count = family == .stableDiffusionXLRefiner ? 5 : 6
      throw LayoutError(
        .misshapen(
          measures.sourceName(of: name), found: [rows, width],
          expected: [rows, pooledWidth + count * 256]))
    }
  }
}

extension Configurations {
  /// The configuration of every component, and of the scheduler where there is a U-Net.
  func all(of sizes: ComponentSizes) -> [String: NotedConfiguration] {
    var all: [String: NotedConfiguration] = [:]
    if let unet = sizes.unet {
      all[Component.unet.rawValue] = self.unet(unet)
      all["scheduler"] = scheduler(condition: unet.condition)
    }
    if let vae = sizes.vae { all[Component.vae.rawValue] = self.vae(vae) }
    for text in sizes.textEncoders { all[text.component.rawValue] = textEncoder(text) }
    if let control = sizes.controlNet {
      all[Component.controlNet.rawValue] = controlNet(control)
    }
    return all.mapValues(\.sorted)
  }
}
