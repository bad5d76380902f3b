public import TensorCore

/// An adapter that contradicts itself or the model it is for.
public struct AdapterError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// A tensor does not fit the others of its module.
    case misfit(String, found: TensorShape, expected: String)
    /// A tensor that must be a number has other contents.
    case notNumber(String, found: TensorDescription)
    /// A tensor holds values that are no numbers.
    case notFinite(String, count: Int)
    /// A tensor's element type has no values that can be computed with.
    case elementType(String, ElementType)
    /// A module's change has not the shape of the model's weight.
    case otherShape(
      module: String, found: String, target: String, expected: TensorShape, hint: String?)
    /// The file holds no adapter.
    case noAdapter(hint: String)
    /// Nothing of the adapter is in the model.
    case nothingApplies(count: Int, first: String, nearest: String?, hint: String?)
    /// The file says that it was trained for another family than the model's.
    case otherFamily(AdapterOrigin)
    /// Something is left over where all must be applied.
    case leftOver(count: Int, first: String, reason: String)
    /// A form that is recognised and cannot be used.
    case unsupported(String)
  }

  /// What is wrong.
  public let problem: Problem
  /// The adapter's file, where it is known.
  public var origin: String?

  /// Describes a problem.
  public init(_ problem: Problem, origin: String? = nil) {
    self.problem = problem
    self.origin = origin
  }

  static func rank(_ tensor: TensorDescription) -> AdapterError {
    AdapterError(.misfit(tensor.name, found: tensor.shape, expected: "a matrix or a kernel"))
  }

  /// The line shown to people.
  public var description: String { (origin.map { "\($0): " } ?? "") + text }

  private var text: String {
    switch problem {
    case .misfit(let name, let found, let expected):
      return "tensor '\(name)' is \(found), expected \(expected)"
    case .notNumber(let name, let found):
      return "tensor '\(name)' is \(found.elementType) \(found.shape), expected one number"
    case .notFinite(let name, let count):
      return "tensor '\(name)' holds \(count) value\(count == 1 ? "" : "s") that "
        + "\(count == 1 ? "is" : "are") NaN or infinite"
    case .elementType(let name, let type):
      return "tensor '\(name)' is \(type), which cannot be computed with"
    case .otherShape(let module, let found, let target, let expected, let hint):
      return "module '\(module)' changes \(found), but '\(target)' is \(expected)" + Self.tail(hint)
    case .noAdapter(let hint): return "holds no LoRA: \(hint)"
    case .nothingApplies(let count, let first, let nearest, let hint):
      let near = nearest.map { ", nearest in the model '\($0)'" } ?? ""
      return "0 of \(count) modules apply: first '\(first)'\(near)" + Self.tail(hint)
    case .otherFamily(let origin):
      return "was trained for \(origin.title) (\(origin.evidence))"
    case .leftOver(let count, let first, let reason):
      let others = count == 1 ? "" : ", and \(count - 1) more"
      return "'\(first)' was not applied: \(reason)\(others)"
    case .unsupported(let what): return what
    }
  }

  private static func tail(_ hint: String?) -> String { hint.map { ": \($0)" } ?? "" }
}
