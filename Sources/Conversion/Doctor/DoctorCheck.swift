/// One kind of trouble: finds it, and plans what can be done about it.
protocol DoctorCheck: Sendable {
  /// Examines a model.
  ///
  /// - Parameters:
  ///   - patient: the model.
  ///   - plan: takes up the repairs.
  /// - Throws: the errors of readers.
  func examine(_ patient: Patient, _ plan: inout RepairPlan) throws -> [Finding]
}
