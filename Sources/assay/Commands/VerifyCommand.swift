internal import ArgumentParser
internal import Checkpoints
internal import TensorCore

/// `assay verify`: recomputes the digests of an ingot.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Recomputes the digests of an ingot.",
    discussion: "Exit code 1 when anything is damaged; each damaged tensor is named.")

  @Argument(help: "The ingot.")
  var file: String

  @Flag(help: "Print the outcome as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but errors and what is damaged.")
  var quiet = false

  func run() throws {
    let reader = try IngotReader(path: file)
    let total = reader.tensors.indices.reduce(0) { $0 + reader.record(at: $1).byteRange.count }
    let bar = ProgressBar("verifying", isQuiet: quiet)
    let result = try reader.verify { bar.update(done: $0, of: total) }
    bar.finish()
    if json {
      try Console.writeLine(result.json(path: file).text(indent: 2))
    } else if !quiet || !result.isIntact {
      try Console.write(result.text(path: file, tensors: reader.tensors.count, bytes: total))
    }
    if !result.isIntact { throw ExitCode.failedVerdict }
  }
}
