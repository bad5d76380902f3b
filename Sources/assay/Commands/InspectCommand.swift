internal import ArgumentParser
internal import Checkpoints
internal import Inspection
internal import TensorCore

/// `assay inspect`: what is in a file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a checkpoint holds; reads no tensor and runs no pickle.")

  @Argument(help: "The checkpoint.")
  var model: String

  @Flag(help: "Print the summary as JSON.")
  var json = false

  func run() throws {
    let summary = CheckpointSummary(of: try Checkpoint.open(path: model))
    try MappingGuard.check()
    try Console.write(json ? summary.json.text(indent: 2) + "\n" : summary.text)
  }
}
