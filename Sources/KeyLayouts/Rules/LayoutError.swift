public import TensorCore

/// A set of tensors that is not the model it should be.
public struct LayoutError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// Two tensors would get one name.
    case duplicateTarget(String, first: String, second: String)
    /// A tensor has another shape than the rest of the model asks for.
    case misshapen(String, found: TensorShape, expected: TensorShape)
    /// The model lacks tensors.
    case missing(String, expected: TensorShape, count: Int)
    /// A tensor that tells the model's size is missing.
    case noMeasure(String)
    /// No known family has such names.
    case unknownFamily(hint: String)
    /// The family is known, and has no table yet.
    case unsupportedFamily(Family, evidence: String)
    /// A component's blocks do not add up to levels.
    case irregular(Component)
    /// The model lacks whole components.
    case absent([Component])
  }

  /// What is wrong.
  public let problem: Problem
  /// The file or folder, where it is known.
  public var origin: String?

  /// Describes a problem.
  public init(_ problem: Problem, origin: String? = nil) {
    self.problem = problem
    self.origin = origin
  }

  /// Whether the tensors are of another family than those that can be mapped. Nothing is wrong with
  /// them then: they can go from container to container under the names they have.
  public var isAboutFamily: Bool {
    switch problem {
    case .unknownFamily, .unsupportedFamily: true
    default: false
    }
  }

  /// The line shown to people.
  public var description: String { (origin.map { "\($0): " } ?? "") + text }

  private var text: String {
    switch problem {
    case .duplicateTarget(let target, let first, let second):
      return "tensors '\(first)' and '\(second)' both stand for '\(target)'"
    case .misshapen(let name, let found, let expected):
      return "tensor '\(name)' is \(found), expected \(expected)"
    case .missing(let name, let expected, let count):
      let others = count == 1 ? "" : ", and \(count - 1) more"
      return "tensor '\(name)' \(expected) is missing\(others)"
    case .noMeasure(let name): return "tensor '\(name)' is missing: the model's size is unknown"
    case .unknownFamily(let hint): return "not a model of a known family: \(hint)"
    case .unsupportedFamily(let family, let evidence):
      return "a \(family.title) model (\(evidence)); only \(Family.stableDiffusion1.title) is "
        + "supported"
    case .irregular(let component):
      return "the \(component.title)'s blocks do not add up to levels: is one missing?"
    case .absent(let components):
      return "has no " + components.map(\.title).joined(separator: ", no ")
    }
  }
}
