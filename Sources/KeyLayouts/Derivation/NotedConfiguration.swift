public import TensorCore

/// A component's configuration with a note for each field of how it is known.
public struct NotedConfiguration: Sendable, Hashable {
  /// How a field is known.
  public enum Origin: String, Sendable, Hashable {
    /// A configuration states it.
    case read
    /// Shapes, names or metadata of the checkpoint give it.
    case derived
    /// The family's rule, because nothing in the checkpoint says.
    case assumed
  }

  /// The fields, with diffusers' names.
  public private(set) var fields = JSONObject()
  /// How each field is known.
  public private(set) var origins: [String: Origin] = [:]
  /// What the tensors show of fields that are not written, because it is what diffusers takes for
  /// granted.
  private(set) var implied: [String: JSON] = [:]
  /// Of a U-Net or ControlNet: the transformer blocks that the tensors show.
  var depths: TransformerDepths?

  /// A configuration without fields.
  public init() {}

  /// A configuration that is stated as a whole.
  init(stated: JSONObject) {
    fields = stated
    for name in stated.keys { origins[name] = .read }
  }

  /// Adds fields that a configuration states.
  mutating func state(_ fields: JSONObject) {
    for member in fields.members { set(member.key, member.value, .read) }
  }

  /// Leaves out what the family's rule gives a scheduler of its class, where another one is stated.
  mutating func exchangeClass(for stated: JSONObject) {
    guard let name = stated["_class_name"], name.stringValue?.hasSuffix("Scheduler") == true,
      name != fields["_class_name"]
    else { return }
    for field in Configurations.fieldsOfClasses where origins[field] != .read {
      fields[field] = nil
      origins[field] = nil
    }
  }

  /// Adds fields that the checkpoint gives.
  mutating func derive(_ fields: KeyValuePairs<String, JSON>) {
    for (name, value) in fields { set(name, value, .derived) }
  }

  /// Takes note of what tensors show of fields that are not written, or are written otherwise.
  mutating func imply(_ fields: KeyValuePairs<String, JSON>) {
    for (name, value) in fields { implied[name] = value }
  }

  /// What the tensors show of a field; `nil` where they do not.
  func shown(_ name: String) -> JSON? {
    implied[name] ?? (origins[name] == .derived ? fields[name] : nil)
  }

  /// Adds fields that the family's rule gives.
  mutating func assume(_ fields: KeyValuePairs<String, JSON>) {
    for (name, value) in fields { set(name, value, .assumed) }
  }

  /// Adds a field that the checkpoint gives or, where it gives none, the family's rule.
  mutating func add(_ name: String, _ given: JSON?, else rule: JSON) {
    set(name, given ?? rule, given == nil ? .assumed : .derived)
  }

  private mutating func set(_ name: String, _ value: JSON, _ origin: Origin) {
    fields[name] = value
    origins[name] = origin
    // What is derived counts for more than what was taken for granted; but not than all levels of
    // it.
    if origin == .derived, implied[name]?.arrayValue == nil { implied[name] = nil }
  }

  /// The fields in the order of their names, as diffusers writes them.
  var sorted: NotedConfiguration {
    var copy = self
    copy.fields = JSONObject(
      fields.members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    return copy
  }

  /// For machines: `read`, `derived` or `assumed` by field.
  public var originsJSON: JSONObject {
    JSONObject(fields.keys.map { ($0, .string((origins[$0] ?? .read).rawValue)) })
  }

  /// The fields of one origin, in order.
  public func fields(_ origin: Origin) -> [String] { fields.keys.filter { origins[$0] == origin } }
}
