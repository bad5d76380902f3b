import Foundation
import Testing

/// Runs the built tool as a user does.
struct Tool {
  /// What a run left.
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String

    /// The lines of the error stream.
    var errorLines: [String] {
      errors.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }
  }

  /// A folder of its own for the outputs of a test.
  let folder: URL

  init() throws {
    folder = URL(filePath: NSTemporaryDirectory()).appending(path: "assay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Runs a test in a folder of its own, which is removed afterwards.
  static func inFolder(_ body: (Tool) throws -> Void) throws {
    let tool = try Tool()
    defer { try? FileManager.default.removeItem(at: tool.folder) }
    try body(tool)
  }

  /// The built product beside the test bundle.
  static let path: String = {
    let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let candidates = [
      URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent(),
      bundle.deletingLastPathComponent(),
      fixtures.deletingLastPathComponent().appending(path: ".build/release"),
    ]
    let paths = candidates.map { $0.appending(path: "assay").path(percentEncoded: false) }
    return paths.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "assay"
  }()

  /// The folder `Fixtures` of the checkout.
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

  /// The path of a file in the test's folder.
  func file(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  /// Writes a file into the test's folder and returns its path.
  func write(_ name: String, _ data: Data) throws -> String {
    try data.write(to: folder.appending(path: name))
    return file(name)
  }

  /// The names of everything in the test's folder, hidden files too.
  var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: file(""))) ?? []).sorted()
  }

  /// Runs the tool with arguments.
  func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// Runs the tool with a list of arguments.
  func run(_ arguments: [String]) throws -> Outcome {
    try launch(Self.path, arguments)
  }

  /// Runs the tool with arguments where no file may grow beyond `blocks` half kilobytes.
  func run(limitedTo blocks: Int, _ arguments: String...) throws -> Outcome {
    try run(limitedTo: blocks, arguments)
  }

  /// Runs the tool with a list of arguments where no file may grow beyond `blocks` half kilobytes.
  func run(limitedTo blocks: Int, _ arguments: [String]) throws -> Outcome {
    try launch("/bin/sh", ["-c", "ulimit -f \(blocks); exec \"$0\" \"$@\"", Self.path] + arguments)
  }

  /// Runs the tool with arguments and sends it a signal after some seconds.
  func run(
    signalledBy signal: Int32, after seconds: Double, _ arguments: [String]
  ) throws -> Outcome {
    try launch(Self.path, arguments) { process in
      Thread.sleep(forTimeInterval: seconds)
      kill(process.processIdentifier, signal)
    }
  }

  /// Runs the tool with arguments and kills it some seconds after it has begun to write into its
  /// folder, which must be empty before.
  func run(killedAfter seconds: Double, _ arguments: [String]) throws -> Outcome {
    try launch(Self.path, arguments) { process in
      while process.isRunning, contents.isEmpty { usleep(200) }
      Thread.sleep(forTimeInterval: seconds)
      kill(process.processIdentifier, SIGKILL)
    }
  }

  private func launch(
    _ executable: String, _ arguments: [String], whileRunning body: (Process) -> Void = { _ in }
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    // Files, not pipes: nothing to drain while the process runs.
    let logs = URL(filePath: NSTemporaryDirectory())
    let (out, err) = (
      logs.appending(path: "assay-out-\(UUID().uuidString)"),
      logs.appending(path: "assay-err-\(UUID().uuidString)")
    )
    for url in [out, err] { try Data().write(to: url) }
    defer { for url in [out, err] { try? FileManager.default.removeItem(at: url) } }
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    body(process)
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: String(decoding: try Data(contentsOf: out), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: err), as: UTF8.self))
  }
}

/// What bad input must give: exit 2, one line on the error stream that holds all the texts, nothing
/// on the output.
func expectOneLine(
  _ outcome: Tool.Outcome, _ texts: String..., location: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == 2, "\(outcome.errors)", sourceLocation: location)
  #expect(outcome.output == "", sourceLocation: location)
  #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: location)
  #expect(outcome.errors.hasPrefix("assay: "), sourceLocation: location)
  for text in texts {
    #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: location)
  }
}
