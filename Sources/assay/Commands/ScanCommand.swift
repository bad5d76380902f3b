internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import TensorCore

/// `assay scan`: what the pickles in files would execute.
struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Shows what the pickles in files would import and call, and judges it.",
    discussion: """
      Exit 0 when nothing dangerous is there, 1 when something is, 2 when a file cannot be read. \
      Nothing is imported or called.
      """)

  @Argument(
    help: ArgumentHelp("Files of any kind, or folders of them.", valueName: "file"))
  var files: [String]

  @Flag(help: "Print everything as JSON.")
  var json = false

  @Flag(
    name: .shortAndLong,
    help: "Print nothing but errors and the files that are dangerous, a line each.")
  var quiet = false

  @Flag(
    name: .customLong("no-mmap"),
    help: "Read files in order and do not map them: for network disks.")
  var withoutMapping = false

  func run() throws {
    var scans: [ScannedFile] = []
    var hasUnreadable = false
    for file in files {
      do {
        for path in try ScannedFile.paths(in: file) {
          scans.append(try ScannedFile(path, usesMapping: !withoutMapping))
          try show(scans[scans.count - 1])
        }
      } catch let error as FileError where error.operation != .write {
        Console.report(error)
        hasUnreadable = true
      }
    }
    if json {
      try Console.writeLine(ScannedFile.json(scans).text(indent: 2))
    } else if !quiet, scans.count > 1 {
      try Console.write(ScannedFile.totals(scans))
    }
    if scans.contains(where: { $0.report.verdict == .dangerous }) { throw ExitCode.failedVerdict }
    if hasUnreadable { throw ExitCode.badInput }
  }

  private func show(_ scan: ScannedFile) throws {
    guard !json else { return }
    if !quiet {
      try Console.write(scan.text)
    } else if scan.report.verdict == .dangerous {
      try Console.write(scan.line)
    }
  }
}
