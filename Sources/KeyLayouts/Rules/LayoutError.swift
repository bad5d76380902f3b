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
    case missing(String, expected: TensorShape, count: Int, nearest: String? = nil)
    /// Tensors are there that no rule knows.
    case unexplained(String, family: Family, count: Int, nearest: String?)
    /// A scale is neither one value nor one for each row or block of its weight.
    case scale(TensorDescription, of: TensorDescription)
    /// Weights that become one tensor have scales of different kinds, or one has none.
    case unequalScales(String, part: String)
    /// A tensor that tells the model's size is missing, or has no such dimension.
    case noMeasure(String, found: TensorShape? = nil, nearest: String? = nil)
    /// No known family has such names.
    case unknownFamily(hint: String)
    /// The family is known, and has no table.
    case foreign(String, evidence: String)
    /// A component is there twice, under different names.
    case twice(Component, String, String)
    /// A component stands where another family than the rest of the model keeps it.
    case misplaced(Component, String, home: Family, family: Family)
    /// The network attends to texts of another width than the text encoders give.
    case widthsDisagree(network: Component, context: Int, texts: [Int])
    /// The network's latents have another number of channels than the autoencoder's.
    case latentsDisagree(input: Int, output: Int, vae: Int)
    /// A component of one family stands beside a model of another.
    case mixed(Component, String, with: String, evidence: String)
    /// A configuration says something else than the tensors.
    case contradicted(component: String, field: String, stated: String, found: String)
    /// A configuration says something that no model can be.
    case impossible(component: String, field: String, stated: String, expected: String)
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
    case .unknownFamily, .foreign: true
    default: false
    }
  }

  /// Whether a configuration contradicts the tensors, or says what no model can be.
  public var isAboutConfiguration: Bool {
    switch problem {
    case .contradicted, .impossible: true
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
    case .missing(let name, let expected, let count, let nearest):
      let others = count == 1 ? "" : ", and \(count - 1) more"
      return "tensor '\(name)' \(expected) is missing\(others)"
        + (nearest.map { "; the nearest that is there is '\($0)'" } ?? "")
    case .unexplained(let name, let family, let count, let nearest):
      let others = count == 1 ? "" : " and \(count - 1) more"
      return "tensor '\(name)'\(others) has no place in a \(family.title) model"
        + (nearest.map { "; the nearest that has one is '\($0)'" } ?? "")
    case .scale(let scale, let weight):
      return
        "tensor '\(scale.name)' is \(scale.elementType) \(scale.shape), expected one value, or "
        + "one for each row or block of '\(weight.name)' \(weight.shape)"
    case .unequalScales(let name, let part):
      return "the parts of '\(name)' are not scaled alike: see the scale of '\(part)'"
    case .noMeasure(let name, let found, let nearest):
      let state = found.map { "is \($0), which is no weight of it" } ?? "is missing"
      return "tensor '\(name)' \(state): the model's size is unknown"
        + (nearest.map { "; the nearest that is there is '\($0)'" } ?? "")
    case .latentsDisagree(let input, let output, let vae):
      return "the U-Net takes \(input) channels and predicts latents of \(output), the VAE's have "
        + "\(vae): parts of two models?"
    case .mixed(let component, let place, let family, let evidence):
      return "holds a Stable Diffusion model's \(component.title) (\(place)) and a \(family) model "
        + "('\(evidence)'): two models in one file?"
    case .unknownFamily(let hint): return "not a model of a known family: \(hint)"
    case .twice(let component, let first, let second):
      return "holds two of the \(component.title): \(first), and \(second)"
    case .misplaced(let component, let place, let home, let family):
      return "the \(component.title) is a \(home.title) model's (\(place)), the rest a "
        + "\(family.title) model's: parts of two models?"
    case .widthsDisagree(let network, let context, let texts):
      let widths = texts.map(String.init).joined(separator: " + ")
      return "the \(network.title) attends to texts of width \(context), its text encoder"
        + "\(texts.count == 1 ? "" : "s") give\(texts.count == 1 ? "s" : "") \(widths): "
        + "parts of two models?"
    case .contradicted(let component, let field, let stated, let found):
      return "the configuration of '\(component)' says \(field) \(stated), its tensors say \(found)"
    case .foreign(let family, let evidence):
      return "a \(family) model ('\(evidence)'), whose names stay as they are"
    case .impossible(let component, let field, let stated, let expected):
      return "the configuration of '\(component)' says \(field) \(stated), expected \(expected)"
    case .irregular(let component):
      return "the \(component.title)'s blocks do not add up to levels: is one missing?"
    case .absent(let components):
      return "has no " + components.map(\.title).joined(separator: ", no ")
    }
  }
}
