public import TensorCore

/// A folder that is not a model as diffusers saves it.
public struct DiffusersFolderError: DescribedError, Hashable {
  /// The folder or the file in it.
  public let path: String
  /// What is wrong, with what was expected and what was found.
  public let problem: String

  /// Describes a problem.
  public init(path: String, problem: String) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String { "\(path): \(problem)" }
}
