internal import ArgumentParser
internal import Foundation
internal import TensorCore

/// The tool: parses the command line and runs one subcommand.
@main
struct Assay: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "assay",
    abstract: "Converts, inspects and numerically verifies Stable Diffusion checkpoints.",
    discussion: """
      Exit codes: 0 success, 1 a failed verdict, 2 wrong usage or bad input. \
      Results go to the standard output, everything else to the error stream.
      """,
    version: version,
    subcommands: [
      InspectCommand.self, ConvertCommand.self, DoctorCommand.self, ValidateCommand.self,
      GenerateCommand.self,
      VerifyCommand.self, ScanCommand.self, BenchCommand.self, DiffCommand.self,
      LineageCommand.self, ExtractLoRACommand.self, MergeCommand.self, CatalogCommand.self,
    ])

  /// Runs the tool and ends with 0, 1 or 2; one line on the error stream says why.
  static func main() {
    Signals.install()
    do {
      var command = try parseAsRoot()
      try command.run()
      try MappingGuard.check()
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch let error as any DescribedError {
      Console.report(error)
      Foundation.exit(ExitCode.badInput.rawValue)
    } catch {
      finish(parsing: error)
    }
  }

  /// Ends after what the argument parser threw: help and version succeed, anything else is wrong
  /// usage.
  private static func finish(parsing error: any Error) -> Never {
    guard exitCode(for: error) != .success else { exit(withError: error) }
    let help = fullMessage(for: error).firstMatch(of: #/See '([^']+ --help)'/#)?.1 ?? "assay --help"
    let lines = message(for: error).split(separator: "\n").map {
      $0.replacing(#/^ *- /#, with: "")
    }
    Console.note("assay: \(lines.joined(separator: " ").escapingControls) (see '\(help)')")
    Foundation.exit(ExitCode.badInput.rawValue)
  }
}
