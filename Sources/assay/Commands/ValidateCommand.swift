internal import ArgumentParser
internal import Conversion
internal import Reports
internal import TensorCore
internal import Validation

/// `assay validate`: compares components with recorded reference outputs.
struct ValidateCommand: ParsableCommand {
  /// What the first argument may say.
  enum Selection: String, ExpressibleByArgument, CaseIterable {
    case tokenizer, clip, unet, vae, scheduler, generation, all
  }

  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Compares a model's components with recorded reference outputs.",
    discussion: """
      References are made by Fixtures/capture_reference.py, which runs transformers and diffusers. \
      'all' runs the components in order, and whole generations only when every component passed. \
      Exit code 1 when a check leaves its bound.
      """)

  @Argument(help: "What to validate.")
  var selection: Selection

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Option(help: ArgumentHelp("Reference outputs of the model.", valueName: "file"))
  var reference: String

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print the report as JSON.")
  var json = false

  @Option(help: ArgumentHelp("Also write the report as JUnit XML.", valueName: "file"))
  var junit: String?

  @Option(help: ArgumentHelp("Also write the report as a web page.", valueName: "file"))
  var html: String?

  @Flag(name: .shortAndLong, help: "Print nothing but errors and failures.")
  var quiet = false

  func run() throws {
    try OutputFile.checkWritable(junit, html, sparing: [model, reference])
    let validator = try Validator(
      model: try ModelReader.open(path: model, options: reading.options).model,
      reference: try ReferenceBundle(path: reference))
    let status = StatusLine(isQuiet: quiet)
    let report =
      if let component = ComponentName(rawValue: selection.rawValue) {
        try validator.validate(component) { status.show($0.text) }
      } else {
        try validator.validateAll { status.show($0.text) }
      }
    status.clear()
    try MappingGuard.check()
    try Console.write(
      json ? report.json.text(indent: 2) + "\n" : report.text(failuresOnly: quiet))
    if let junit { try OutputFile.write(Array(report.junit.utf8), to: junit) }
    if let html { try OutputFile.write(Array(report.page.html.utf8), to: html) }
    if !report.isPassed { throw ExitCode.failedVerdict }
  }
}
