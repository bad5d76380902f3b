internal import ArgumentParser
internal import Checkpoints
internal import Inspection
internal import TensorCore

/// `assay inspect`: what is in a file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a model holds; reads no tensor and runs no pickle.")

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Flag(help: "Show what would become of every tensor under canonical names.")
  var ledger = false

  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Leave out the table of tensors.")
  var quiet = false

  func run() throws {
    let summary = CheckpointSummary(
      of: try Checkpoint.open(path: model, options: reading.options),
      overrides: try stated.overrides)
    try MappingGuard.check()
    try Console.write(
      json
        ? summary.json(withLedger: ledger).text(indent: 2) + "\n"
        : summary.text(withTensors: !quiet && !ledger) + (ledger ? summary.ledgerTable : ""))
  }
}
