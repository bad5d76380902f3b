internal import Checkpoints
internal import KeyLayouts
public import TensorCore

/// Looks for what is wrong with a model, and plans the repair of what can be repaired. Nothing is
/// written.
public struct Doctor: Sendable {
  private let model: ReadModel
  private let settings: DoctorSettings

  /// Takes a model in, of whatever family or of none.
  public init(_ model: ReadModel, _ settings: DoctorSettings = DoctorSettings()) {
    self.model = model
    self.settings = settings
  }

  /// Runs every check. Beside the directory a few small tensors are read, and with
  /// `DoctorSettings.isDeep` all of them.
  ///
  /// - Parameter progress: called with the bytes read so far and in all, where all are read.
  /// - Throws: `ConversionError` when there are no tensors; the errors of readers.
  public func examine(
    progress: @Sendable @escaping (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> Diagnosis {
    if let problem = model.checkpoint.emptiness {
      throw ConversionError(
        path: model.checkpoint.path, problem: problem + "; there is nothing to examine")
    }
    let patient = Patient(model, settings)
    // Names first: what stands under a wrong one is looked at under the right one.
    let checks: [any DoctorCheck] = [
      WrapperCheck(), SpellingCheck(), PositionCheck(), PredictionCheck(), ScaleCheck(),
      AdapterCheck(), EmbeddingCheck(), StorageCheck(), AverageCheck(), GapCheck(),
      ValueCheck(progress: progress),
    ]
    var plan = RepairPlan(patient.tensors)
    var findings: [Finding] = []
    for check in checks { findings += try check.examine(patient, &plan) }
    let order = Finding.Severity.allCases
    let sorted = order.flatMap { severity in findings.filter { $0.severity == severity } }
    return try Diagnosis(model, patient, sorted, plan)
  }
}

/// What came of an examination.
public struct Diagnosis: Sendable {
  /// The model as it is.
  public let model: ReadModel
  /// What is wrong with it, the worst first.
  public let findings: [Finding]
  /// What a repair changes, tensor by tensor.
  public let changes: [TensorChange]
  /// What a repair changes in the metadata, by key; `nil` where an entry is taken out.
  public let metadataChanges: [(key: String, value: JSON?)]
  /// The model with all repairs. Nothing is computed before it is written.
  public let repaired: ReadModel
  private let settings: DoctorSettings

  init(
    _ model: ReadModel, _ patient: Patient, _ findings: [Finding], _ plan: RepairPlan
  ) throws {
    self.model = model
    self.findings = findings
    settings = patient.settings
    metadataChanges = plan.metadata
    guard !plan.isEmpty else {
      changes = []
      repaired = model
      return
    }
    let ledger = try plan.ledger()
    let tensors = RepairedTensors(patient.source, by: plan, ledger)
    changes = plan.changes(of: patient.tensors, to: tensors.tensors, by: ledger)
    var metadata = patient.checkpoint.metadata
    if !changes.isEmpty { metadata.removeWeightDigests() }
    for (key, value) in plan.metadata { metadata[key] = value }
    repaired = ReadModel(
      patient.checkpoint.replacing(tensors, metadata: metadata), overrides: settings.overrides)
  }

  /// Whether nothing is wrong: there may be notes.
  public var isHealthy: Bool { findings.allSatisfy { $0.severity == .note } }

  /// Whether a repair changes anything.
  public var isRepairable: Bool { !changes.isEmpty || findings.contains { $0.repair != nil } }

  /// What is still wrong after the repair. Weights are not read again.
  ///
  /// - Throws: the errors of readers.
  public func remaining() throws -> [Finding] {
    var settings = settings
    settings.isDeep = false
    let again = try Doctor(repaired, settings).examine().findings
    // What is written lies in order, in bytes of its own.
    return again.filter { $0.check != StorageCheck.name }
      + findings.filter { $0.check == ValueCheck.name }
  }
}
