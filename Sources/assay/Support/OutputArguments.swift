internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import KeyLayouts
internal import TensorCore

/// The arguments that say where and how a model is written.
struct OutputArguments: ParsableArguments {
  @Option(name: .shortAndLong, help: ArgumentHelp("Where the result goes.", valueName: "path"))
  var output: String

  @Option(
    name: .customLong("to"), help: .container)
  var container: ContainerFormat?

  @Option(
    help: ArgumentHelp(
      "Cast floating tensors to f32, f16, bf16 or f64, rounding to nearest even, or quantise "
        + "matrices to q8_0, q5_0, q5_1, q4_0 or q4_1 for a .gguf or .ingot. Or by component: "
        + "unet=f16,vae=f32.", valueName: "type"))
  var dtype: ComponentTypes?

  @Option(
    help: ArgumentHelp(
      "The names in a file of tensors: ldm or diffusers. Default: the source's; ldm "
        + "from an ingot or a folder.", valueName: "names"))
  var layout: Layout?

  @Option(
    help: ArgumentHelp(
      "Divide the tensors among files of at most this size, with an index: 500MB, 2GB, 5GiB.",
      valueName: "size"))
  var shardSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Call the weights of a diffusers folder that is written this variant. Default: --variant, "
        + "where MODEL is a file and has none.", valueName: "name"))
  var outputVariant: String?

  func validate() throws {
    if let problem = dtype?.problem { throw ValidationError("--dtype \(problem)") }
  }

  /// The options that were given, but for where the result goes and in which container.
  var given: [String] {
    GivenOptions.names([
      ("--dtype", dtype != nil), ("--layout", layout != nil), ("--shard-size", shardSize != nil),
      ("--output-variant", outputVariant != nil),
    ])
  }

  /// Opens a model and says what to make of it.
  ///
  /// - Throws: `ConversionError` when the arguments make no sense; the errors of
  ///   `ModelReader.open`.
  func open(
    _ model: String, _ reading: ReadingArguments, _ preparation: PreparationArguments,
    _ stated: ModelArguments
  ) throws -> (ReadModel, ConversionRequest) {
    var request = ConversionRequest(
      output: output, container: try container ?? .named(byOutput: output),
      layout: layout, elementType: dtype?.common, shardBytes: shardSize?.count,
      tool: "assay \(Assay.version)")
    request.componentTypes = dtype?.byComponent ?? [:]
    preparation.apply(to: &request)
    // Of a file there is nothing to choose from: the variant is what the result is to be.
    var options = reading.options
    request.variant = outputVariant
    if outputVariant == nil, request.container == .diffusers, !ContainerFormat.isFolder(model) {
      request.variant = options.variant
      options.variant = nil
    }
    let read = try ModelReader.open(
      path: model, options: options, overrides: try stated.overrides,
      names: try preparation.renames(), averages: preparation.ema)
    return (read, request)
  }
}

extension ArgumentHelp {
  /// What `--to` takes.
  static let container = ArgumentHelp(
    "The container: \(ContainerFormat.list). Default: by the path's ending, a diffusers folder "
      + "where it has none.", valueName: "container")
}
