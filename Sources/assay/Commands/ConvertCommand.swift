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

  @OptionGroup var destination: OutputArguments
  @OptionGroup(title: "What goes into the result") var preparation: PreparationArguments
  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var embedding: EmbeddingArguments
  @OptionGroup var adapter: AdapterNamingArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print the outcome and the whole ledger as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  private var given: GivenOptions {
    GivenOptions(names: destination.given + preparation.given + stated.given)
  }

  func validate() throws {
    try adapter.check(GivenOptions(names: given.names + embedding.given))
  }

  func run() throws {
    let (read, request) = try destination.open(model, reading, preparation, stated)
    if try adapter.convert(read, request, reading.options, json: json, quiet: quiet) { return }
    if try embedding.convert(read, request, given, json: json, quiet: quiet) { return }
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
