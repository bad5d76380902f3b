public import TensorCore

/// A configuration says something that this program cannot do, or does not say what it must.
public struct ConfigurationError: DescribedError, Hashable {
  /// The model, as the user named it, and the component: `model.ingot: unet`.
  public let place: String
  /// diffusers' name of the field.
  public let field: String
  /// What a valid value looks like.
  public let expected: String
  /// What stands there.
  public let found: String

  /// The line shown to people.
  public var description: String {
    "\(place): configuration field '\(field)' is \(found), expected \(expected)"
  }
}

/// Typed access to the fields of one component's configuration.
package struct ConfigurationFields {
  let fields: JSONObject
  let place: String

  /// Finds a component's configuration in a model.
  package init(of component: String, in model: CanonicalModel) throws(ConfigurationError) {
    place = "\(model.origin): \(component)"
    guard let fields = model.configurations[component] else {
      throw ConfigurationError(
        place: place, field: "_class_name", expected: "a configuration of the component",
        found: "missing")
    }
    self.fields = fields
  }

  func integer(_ name: String, default value: Int? = nil) throws(ConfigurationError) -> Int {
    guard let field = present(name) else { return try require(value, name, "a whole number") }
    guard let number = field.intValue, number > 0, number < 1 << 24 else {
      throw error(name, "a positive whole number")
    }
    return number
  }

  func number(_ name: String, default value: Double) throws(ConfigurationError) -> Double {
    guard let field = present(name) else { return value }
    guard let number = field.doubleValue else { throw error(name, "a number") }
    return number
  }

  func flag(_ name: String, default value: Bool) throws(ConfigurationError) -> Bool {
    guard let field = present(name) else { return value }
    guard let flag = field.boolValue else { throw error(name, "true or false") }
    return flag
  }

  func string(_ name: String, default value: String) throws(ConfigurationError) -> String {
    guard let field = present(name) else { return value }
    guard let string = field.stringValue else { throw error(name, "a string") }
    return string
  }

  func strings(_ name: String) throws(ConfigurationError) -> [String] {
    let strings = present(name)?.arrayValue?.compactMap(\.stringValue)
    guard let strings, strings.count == present(name)?.arrayValue?.count, !strings.isEmpty else {
      throw error(name, "a list of names")
    }
    return strings
  }

  func integers(_ name: String) throws(ConfigurationError) -> [Int] {
    let numbers = present(name)?.arrayValue?.compactMap(\.intValue)
    guard let numbers, numbers.count == present(name)?.arrayValue?.count, !numbers.isEmpty,
      numbers.allSatisfy({ $0 > 0 && $0 < 1 << 24 })
    else { throw error(name, "a list of positive whole numbers") }
    return numbers
  }

  /// One number for every level, or a list with one number a level.
  func integers(
    _ name: String, levels: Int, default value: Int? = nil
  ) throws(ConfigurationError) -> [Int] {
    if present(name)?.arrayValue != nil {
      let numbers = try integers(name)
      guard numbers.count == levels else { throw error(name, "\(levels) numbers, one a level") }
      return numbers
    }
    return [Int](repeating: try integer(name, default: value), count: levels)
  }

  /// Refuses a field that changes the computation in a way that is not supported.
  func require(
    _ name: String, oneOf allowed: [JSON], or absent: String = "absent"
  ) throws(ConfigurationError) {
    guard let field = present(name),
      !allowed.contains(where: {
        $0 == field || ($0.doubleValue != nil && $0.doubleValue == field.doubleValue)
      })
    else { return }
    throw error(name, (allowed.map { $0.text() } + [absent]).joined(separator: " or "))
  }

  func error(_ name: String, _ expected: String) -> ConfigurationError {
    ConfigurationError(
      place: place, field: name, expected: expected, found: fields[name]?.text() ?? "missing")
  }

  private func require(
    _ value: Int?, _ name: String, _ expected: String
  ) throws(ConfigurationError) -> Int {
    guard let value else { throw error(name, expected) }
    return value
  }

  /// The field, unless it is missing or null.
  private func present(_ name: String) -> JSON? {
    let field = fields[name]
    return field == .null ? nil : field
  }
}
