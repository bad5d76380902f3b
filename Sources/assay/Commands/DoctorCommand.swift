internal import ArgumentParser
internal import Checkpoints
internal import Conversion
internal import TensorCore

/// `assay doctor`: what is wrong with a model, and its repair.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Finds what is wrong with a model, and repairs what can be repaired.",
    discussion: """
      Exit 0 when the model is healthy (there may be notes), 1 when something is wrong, or still is \
      after the repair, 2 when the model cannot be read or written. The model itself is never \
      changed.
      """)

  @Argument(help: "Checkpoint, ingot, diffusers folder or LoRA.")
  var model: String

  @Flag(help: "Write the model with all repairs.")
  var fix = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where the repaired model goes.", valueName: "path"))
  var output: String?

  @Option(
    name: .customLong("to"), help: .container)
  var container: ContainerFormat?

  @Flag(help: "Show what a repair changes, tensor by tensor; write nothing.")
  var dryRun = false

  @Flag(help: "Read every weight, to find those that are NaN or infinite.")
  var deep = false

  @Option(
    help: ArgumentHelp(
      "The type of weights whose scales are multiplied in. Default: that of most other weights.",
      valueName: "type"))
  var dtype: FloatTypeArgument?

  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print everything as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  func validate() throws {
    if fix, !dryRun, output == nil {
      throw ValidationError("--fix needs -o <path>, where the repaired model goes")
    }
    if output != nil, !fix { throw ValidationError("-o is for --fix") }
  }

  func run() throws {
    let settings = DoctorSettings(
      isDeep: deep, elementType: dtype?.elementType, overrides: try stated.overrides)
    let read = try ModelReader.open(
      path: model, options: reading.options, overrides: settings.overrides)
    let bar = ProgressBar("examining", isQuiet: quiet || !deep)
    let diagnosis = try Doctor(read, settings).examine { bar.update(done: $0, of: $1) }
    bar.finish()
    try MappingGuard.check()
    let outcome = fix && !dryRun ? try repair(diagnosis) : nil
    if json {
      try Console.writeLine(
        diagnosis.json(withChanges: dryRun || fix, outcome: outcome).text(indent: 2))
    } else if !quiet {
      try Console.write(diagnosis.text(withChanges: dryRun) + (outcome?.text ?? ""))
    }
    let isHealthy = outcome?.isHealthy ?? diagnosis.isHealthy
    if !isHealthy { throw ExitCode.failedVerdict }
  }

  private func repair(_ diagnosis: Diagnosis) throws -> RepairOutcome {
    guard let output else { preconditionFailure("checked by validate()") }
    let request = ConversionRequest(
      output: output, container: try container ?? .named(byOutput: output),
      tool: "assay \(Assay.version)")
    let bar = ProgressBar("repairing", isQuiet: quiet)
    let report = try Converter(diagnosis.repaired, request).run { bar.update(done: $0, of: $1) }
    bar.finish()
    for warning in report.warnings { Console.warn(warning) }
    return RepairOutcome(
      report: report, changed: diagnosis.changes.count, remaining: try diagnosis.remaining())
  }
}

/// What came of a repair.
struct RepairOutcome {
  let report: ConversionReport
  /// The number of tensors that changed.
  let changed: Int
  /// What is still wrong.
  let remaining: [Finding]

  var isHealthy: Bool { remaining.allSatisfy { $0.severity == .note } }
}
