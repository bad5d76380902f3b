public import TensorCore

/// A `.npy` or `.npz` file that cannot be read.
public struct NumPyError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Error, Sendable, Hashable {
    /// The zip archive is at fault.
    case zip(ZipProblem)
    /// An array is at fault; of an archive, the one in a member.
    case array(ArrayProblem, member: String?)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// The line shown to people.
  public var description: String {
    switch problem {
    case .zip(let problem): "\(path): \(problem.text)"
    case .array(let problem, nil): "\(path): \(problem.text)"
    case .array(let problem, let member?): "\(path): member '\(member)': \(problem.text)"
    }
  }
}
