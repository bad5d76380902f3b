internal import Checkpoints
public import KeyLayouts
public import TensorCore

/// How to put the difference of two models into a LoRA.
public struct ExtractionRequest: Sendable, Hashable {
  /// How far each module's change is followed.
  public enum Goal: Sendable, Hashable {
    /// To this rank, or the shorter side's length where that is smaller.
    case rank(Int)
    /// To the smallest rank that holds this share of the change's energy, and no further than a
    /// limit.
    case energy(Double, limit: Int)
  }

  /// The names of the modules in the file.
  public enum Naming: String, Sendable, Hashable, CaseIterable {
    /// `unet.….lora_A.weight`, as PEFT and diffusers have them.
    case diffusers
    /// `lora_unet_….lora_down.weight` with `alpha`, as kohya's tools have them.
    case kohya
  }

  /// Where the LoRA goes.
  public var output: String
  /// How far to go.
  public var goal: Goal
  /// The names of the modules.
  public var naming: Naming
  /// The type of the factors.
  public var elementType: ElementType
  /// The components whose changes are taken; those that a LoRA can hold by default.
  public var components: [Component]
  /// The program and version to name as the writer.
  public var tool: String

  /// Describes an extraction.
  public init(
    output: String, goal: Goal, naming: Naming = .kohya, elementType: ElementType = .float16,
    components: [Component] = [.unet, .textEncoder, .textEncoder2], tool: String = "assay"
  ) {
    self.output = output
    self.goal = goal
    self.naming = naming
    self.elementType = elementType
    self.components = components
    self.tool = tool
  }
}
