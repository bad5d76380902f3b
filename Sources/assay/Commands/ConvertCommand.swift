public import ArgumentParser
public import Checkpoints
internal import Conversion
public import KeyLayouts
public import TensorCore

/// `assay convert`: any container and layout to any other.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Converts a model to another container, other names or another element type.",
    discussion: """
      Ends with the ledger: how many tensors were mapped, ignored (and why), and left unexplained. \
      The result appears whole or not at all; a file that is there already is replaced. \
      Nothing in a pickle is run.
      """)

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Where the result goes.", valueName: "path"))
  var output: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "The container: \(ContainerFormat.list). Default: by the path's ending, a diffusers folder "
        + "where it has none.", valueName: "container"))
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

  @OptionGroup(title: "What goes into the result") var preparation: PreparationArguments
  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var embedding: EmbeddingArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print the outcome and the whole ledger as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  func validate() throws {
    if let problem = dtype?.problem { throw ValidationError("--dtype \(problem)") }
  }

  func run() throws {
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
    if try embedding.convert(read, request, json: json, quiet: quiet) { return }
    let bar = ProgressBar("converting", isQuiet: quiet)
    let report = try Converter(read, request).run { bar.update(done: $0, of: $1) }
    bar.finish()
    for warning in report.warnings { Console.warn(warning) }
    if json {
      try Console.writeLine(report.json.text(indent: 2))
    } else if !quiet {
      try Console.write(report.text)
    }
  }
}

extension ContainerFormat: ExpressibleByArgument {
  /// The containers for help: `ingot, safetensors or pytorch`.
  static var list: String {
    let names = allCases.map(\.rawValue)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }
}
extension Layout: ExpressibleByArgument {}
extension ElementType: ExpressibleByArgument {
  /// The names that `--dtype` takes.
  public static var allValueStrings: [String] {
    ElementType.allCases.filter(\.isEncodable).map(\.name)
  }

  /// The type by its short name: `f16`.
  public init?(argument: String) { self.init(name: argument) }
}
