internal import TensorCore

/// Typed access to the fields of diffusers' scheduler configuration.
struct SchedulerFields {
  let configuration: JSONObject

  func number(_ field: String, default value: Double) throws(SchedulerError) -> Double {
    guard let json = present(field) else { return value }
    guard let number = json.doubleValue else { throw error(field, "a number") }
    return number
  }

  func integer(
    _ field: String, default value: Int, in range: ClosedRange<Int>
  ) throws(SchedulerError) -> Int {
    guard let json = present(field) else { return value }
    guard let number = json.doubleValue.flatMap(Int.init(exactly:)), range.contains(number) else {
      throw error(field, "a whole number, \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of some names; `nil` where the configuration does not say.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ field: String
  ) throws(SchedulerError) -> Choice? {
    guard let json = present(field) else { return nil }
    guard let choice = json.stringValue.flatMap(Choice.init(rawValue:)) else {
      let names = Choice.allCases.map(\.rawValue)
      throw error(
        field, names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "absent"))
    }
    return choice
  }

  /// Yes or no; `nil` where the configuration does not say.
  func flag(_ field: String) throws(SchedulerError) -> Bool? {
    guard let json = present(field) else { return nil }
    guard let flag = json.boolValue else { throw error(field, "true or false") }
    return flag
  }

  /// A list of numbers; `nil` where the configuration has none.
  func numbers(_ field: String) throws(SchedulerError) -> [Double]? {
    guard let json = present(field) else { return nil }
    guard let array = json.arrayValue, !array.isEmpty, array.count <= 100_000 else {
      throw error(field, "a list of numbers")
    }
    let numbers = array.compactMap(\.doubleValue)
    guard numbers.count == array.count else { throw error(field, "a list of numbers") }
    return numbers
  }

  /// Refuses a field that changes the computation in a way that is not supported.
  func require(_ field: String, _ value: JSON) throws(SchedulerError) {
    guard let json = present(field), json != value else { return }
    throw error(field, value.text())
  }

  func error(_ field: String, _ expected: String) -> SchedulerError {
    let text = configuration[field]?.text() ?? "missing"
    return SchedulerError(
      field: field, expected: expected,
      found: text.count > 60 ? text.prefix(57) + "..." : text)
  }

  /// The field, unless it is missing or null.
  private func present(_ field: String) -> JSON? {
    let json = configuration[field]
    return json == .null ? nil : json
  }
}
