internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// A component taken from another file.
struct Graft {
  /// The file's tensors.
  let source: any TensorSource
  /// The account of them: the component under canonical names, everything else left behind.
  let ledger: Ledger
  /// The component's configuration.
  let configuration: JSONObject?

  /// - Parameter host: the model that it goes into.
  /// - Throws: the reader's error, `LayoutError` when the file has no such component or not the
  ///   whole of it, and `ConversionError` when its latents are not the model's.
  init(of component: Component, from path: String, into host: LayoutReading) throws {
    // A VAE alone does not tell its family: it is taken for one of the model's.
    let model = try ModelReader.open(
      path: path, overrides: ConfigurationOverrides(family: host.detection.family))
    let reading = try model.reading.get()
    guard reading.components.contains(component) else {
      throw LayoutError(.absent([component]), origin: path)
    }
    try reading.requireWhole(of: [component], origin: path)
    source = model.checkpoint.checkedSource
    ledger = reading.ledger.dropping {
      $0.description.name.hasPrefix(component.prefix) ? nil : "not the \(component.title)"
    }
    configuration = reading.configurations[component.rawValue]
    let latents = [
      configuration?["latent_channels"], host.configurations["unet"]?["out_channels"],
    ].map { $0?.intValue }
    if let own = latents[0], let needed = latents[1], own != needed {
      throw ConversionError(
        path: path, problem: "the VAE's latents have \(own) channels, expected \(needed)")
    }
  }
}
