public import ArgumentParser
internal import TensorCore
public import Conversion

/// The arguments that say which of a model's tensors go into a result, and what else does.
struct PreparationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write these components alone: unet, vae, text_encoder, text_encoder_2, controlnet.",
      valueName: "names"))
  var components: ComponentList?

  @Option(
    help: ArgumentHelp(
      "Write only tensors whose name matches: in the source, in the result, or canonical "
        + "('unet.*attn2*'). May be given several times.", valueName: "pattern"))
  var include: [String] = []

  @Option(
    help: ArgumentHelp(
      "Leave out tensors whose name matches. May be given several times.", valueName: "pattern"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Rename tensors first, by a JSON object from old names to new ones; * is one part of a name.",
      valueName: "file"))
  var rename: String?

  @Option(
    help: ArgumentHelp(
      "Averaged weights: drop them, prefer them to the weights themselves where there are some, or use "
        + "only them. Default: they stay in a file of the same names, and are left out of all others.",
      valueName: "drop|prefer|only"))
  var ema: AveragedWeights?

  @Flag(help: "Keep what drawing needs: no averages, optimizer, schedule or training values.")
  var prune = false

  @Option(
    help: ArgumentHelp("Take the VAE of this file or folder instead.", valueName: "path"))
  var vae: String?

  @Option(
    help: ArgumentHelp(
      "Add to the metadata. May be given several times.", valueName: "key=value"))
  var metadata: [MetadataEntry] = []

  @Flag(help: "Fail when a tensor has no place in the model's family.")
  var strict = false

  @Flag(help: "Convert a checkpoint that has no tensors at all.")
  var allowEmpty = false

  @Flag(
    help: "Convert back too, compare every tensor, and say so in the result's metadata.")
  var certify = false

  /// The options that were given.
  var given: [String] {
    GivenOptions.names([
      ("--components", components != nil), ("--include", !include.isEmpty),
      ("--exclude", !exclude.isEmpty), ("--rename", rename != nil), ("--ema", ema != nil),
      ("--prune", prune), ("--vae", vae != nil), ("--metadata", !metadata.isEmpty),
      ("--strict", strict), ("--allow-empty", allowEmpty), ("--certify", certify),
    ])
  }

  /// The same for the library.
  func apply(to request: inout ConversionRequest) {
    request.selection = TensorSelection(
      components: components?.components ?? [], included: include, excluded: exclude)
    request.isPruned = prune
    request.vaePath = vae
    for entry in metadata { request.metadata[entry.key] = .string(entry.value) }
    request.isStrict = strict
    request.allowsEmpty = allowEmpty
    request.isCertified = certify
  }

  /// The user's own table of names.
  ///
  /// - Throws: `ConversionError` when it is none.
  func renames() throws -> RenameRules? { try rename.map(RenameRules.init(file:)) }
}

extension AveragedWeights: ExpressibleByArgument {}
