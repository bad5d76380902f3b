internal import ArgumentParser
internal import Conversion
internal import Inspection
internal import TensorCore

/// `assay lineage`: how several models are related.
struct LineageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lineage",
    abstract: "Tells how far models are apart, which is the base, and which is a merge of others.",
    discussion: """
      Reads all models side by side, once. A merge is found by least squares over all weights, \
      block by block; where parents are too alike or missing, the answer is that nobody can tell.
      """)

  @Argument(help: "Two or more models, in any container, layout and element type.")
  var models: [String]

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print distances, tree and ratios as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  func validate() throws {
    guard models.count > 1 else { throw ValidationError("expected two or more models") }
    guard models.count <= 16 else {
      throw ValidationError("\(models.count) models, expected at most 16")
    }
  }

  func run() throws {
    let opened = try models.map { try ModelReader.open(path: $0, options: reading.options) }
    let bar = ProgressBar("reading", isQuiet: quiet)
    let grams = try ModelGrams(opened) { bar.update(done: $0, of: $1) }
    bar.finish()
    guard grams.tensorCount > 0 else {
      throw ConversionError(
        path: models[0], problem: "has no tensor in common with all of the others")
    }
    let lineage = Lineage(grams)
    if json {
      try Console.writeLine(lineage.json.text(indent: 2))
    } else if !quiet {
      try Console.write(lineage.text)
    }
  }
}
