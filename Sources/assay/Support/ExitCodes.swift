internal import ArgumentParser

extension ExitCode {
  /// The verdict is no: a component failed, a digest differs.
  static let failedVerdict = ExitCode(1)
  /// The command line or an input is wrong.
  static let badInput = ExitCode(2)
}
