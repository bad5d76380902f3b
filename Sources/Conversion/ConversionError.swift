public import TensorCore

/// A conversion that cannot be.
public struct ConversionError: DescribedError, Hashable {
  /// The file or folder.
  public let path: String
  /// What is wrong.
  public let problem: String

  /// Describes a problem.
  public init(path: String, problem: String) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String { "\(path): \(problem)" }
}
