internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import Inspection
internal import Reports
internal import TensorCore

/// `assay diff`: what changed from one model to another.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compares two models tensor with tensor, in whatever containers, names and types.",
    discussion: """
      Exit 0 when they are equal within the tolerance, 1 when they differ, 2 when one cannot be \
      read. A value is within it when |B - A| <= atol + rtol * |A|. Element types, containers and \
      layouts are no difference.
      """)

  @Argument(help: ArgumentHelp("The model to compare with.", valueName: "a"))
  var first: String

  @Argument(help: ArgumentHelp("The model that may have changed.", valueName: "b"))
  var second: String

  @Option(help: "How far apart values may be and still be equal.")
  var atol = 0.0

  @Option(help: "The same as a share of the first model's value.")
  var rtol = 0.0

  @Option(help: ArgumentHelp("How many tensors to list, most changed first.", valueName: "n"))
  var limit = 20

  @Flag(
    help: ArgumentHelp(
      "Decompose the change of every matrix: its rank, and the energy that a LoRA of a rank would "
        + "hold."))
  var rank = false

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print every figure of every tensor as JSON.")
  var json = false

  @Flag(help: "Print a summary in Markdown, for a pull request.")
  var markdown = false

  @Option(help: ArgumentHelp("Also write the report as a web page.", valueName: "file"))
  var html: String?

  @Flag(name: .shortAndLong, help: "Print nothing but errors; the exit code tells.")
  var quiet = false

  func validate() throws {
    for (name, value) in [("--atol", atol), ("--rtol", rtol)] where !(value >= 0) {
      throw ValidationError("\(name) is \(value), expected a number from 0 up")
    }
    if limit < 0 { throw ValidationError("--limit is \(limit), expected a number from 0 up") }
    if json && markdown { throw ValidationError("--json and --markdown exclude each other") }
  }

  func run() throws {
    try OutputFile.checkWritable(html, sparing: [first, second])
    var options = reading.options
    // Bytes that are used once, in a buffer that stays in the cache, come in half the time of those
    // of a mapping, whose every page costs a fault.
    options.usesMapping = false
    let sides = try [first, second].map {
      try DiffSide(try ModelReader.open(path: $0, options: options))
    }
    let bar = ProgressBar("comparing", isQuiet: quiet)
    let rankBar = ProgressBar("decomposing", isQuiet: quiet)
    let diff = try ModelDiff(
      sides[0], sides[1], tolerance: Tolerance(absolute: atol, relative: rtol), ranksAll: rank,
      progress: { bar.update(done: $0, of: $1) },
      rankProgress: {
        bar.finish()
        rankBar.update(done: $0, of: $1)
      })
    bar.finish()
    rankBar.finish()
    if !quiet {
      let text =
        json
        ? diff.json.text(indent: 2) + "\n" : markdown ? diff.markdown(limit) : diff.text(limit)
      try Console.write(text)
    }
    if let html { try OutputFile.write(Array(diff.page.html.utf8), to: html) }
    if !diff.isEqual { throw ExitCode.failedVerdict }
  }
}
