public import TensorCore

/// A reference that cannot be used: it is none, it lacks something, or it was made for another
/// model.
public struct ReferenceError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// The file has no `assay.reference` in its metadata.
    case notAReference
    /// The schema's version is not one that this tool reads.
    case version(String)
    /// A metadata entry is missing or is not what the schema says.
    case metadata(key: String, problem: String)
    /// A tensor is missing.
    case missing(tensor: String)
    /// A tensor has another element type than the schema says.
    case elementType(tensor: String, expected: String, found: ElementType)
    /// A tensor has another shape than the schema says.
    case shape(tensor: String, expected: String, found: TensorShape)
    /// A tensor holds values that the model cannot take.
    case unusable(tensor: String, problem: String)
    /// A component was not recorded.
    case notRecorded(component: String, recorded: [String])
    /// The model's weights are not those that the reference was made with.
    case otherModel(origin: String, tensor: String, difference: String, recordedFrom: String)
  }

  /// The reference's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// Describes a problem of the reference at `path`.
  public init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String {
    switch problem {
    case .notAReference:
      "\(path): not a reference: the metadata has no 'assay.reference' "
        + "(make one with Fixtures/capture_reference.py)"
    case .version(let version):
      "\(path): a reference of version \(version), expected 1"
    case .metadata(let key, let problem):
      "\(path): metadata '\(key)': \(problem)"
    case .missing(let tensor):
      "\(path): tensor '\(tensor)' is missing"
    case .elementType(let tensor, let expected, let found):
      "\(path): tensor '\(tensor)' is \(found), expected \(expected)"
    case .shape(let tensor, let expected, let found):
      "\(path): tensor '\(tensor)' is \(found), expected \(expected)"
    case .unusable(let tensor, let problem):
      "\(path): tensor '\(tensor)': \(problem)"
    case .notRecorded(let component, let recorded):
      "\(path): has no '\(component)', only \(recorded.joined(separator: ", "))"
    case .otherModel(let origin, let tensor, let difference, let recordedFrom):
      "\(path): was made for another model ('\(recordedFrom)'), not \(origin): "
        + "tensor '\(tensor)' \(difference)"
    }
  }
}
