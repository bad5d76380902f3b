internal import TensorCore

/// The positions that a text encoder carries: 0, 1, 2, … in each row. Merging tools make fractions
/// of them, which are cut off to wrong places when a program reads them as whole numbers.
struct PositionCheck {
  private let name: String
  private let wrong: (place: Int, value: Double)?
  private let wrongCount: Int

  init(_ view: TensorView) {
    name = view.name
    let columns = max(view.shape.last ?? 1, 1)
    var wrong: (place: Int, value: Double)?
    var count = 0
    for (place, value) in view.doubles.enumerated() where value != Double(place % columns) {
      count += 1
      if wrong == nil { wrong = (place, value) }
    }
    self.wrong = wrong
    wrongCount = count
  }

  var findings: [HealthReport.Finding] {
    guard let wrong else { return [] }
    return [
      HealthReport.Finding(
        kind: .positions, isProblem: true,
        text: "\(wrongCount) position\(wrongCount == 1 ? " is" : "s are") damaged: entry "
          + "\(wrong.place) is \(Float(wrong.value))",
        tensors: [name])
    ]
  }
}

extension TensorView {
  /// The numbers of a small tensor; none for packed types.
  var doubles: [Double] {
    withBytes { bytes in
      NumberList(bytes, elementType).values
    }
  }
}
