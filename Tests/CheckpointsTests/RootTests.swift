import Checkpoints
import Foundation
import TensorCore
import Testing

/// Which dictionary of a pickle the tensors are taken from.
@Suite struct RootTests {
  @Test(
    arguments: [
      ("valid/params-ema.pt", nil, ["w", "params_ema.w"], nil),
      ("valid/params-ema.pt", "params", ["w"], 1),
      ("valid/params-ema.pt", "params_ema", ["w"], 1),
      ("valid/module.pt", "state_dict.state_dict", nil, nil),
      ("valid/beside.pt", "model", ["w"], 2),
      ("valid/beside.pt", "optimizer.0", ["m"], 2),
      ("valid/beside.pt", "model.w", ["value"], 2),
      ("valid/opaque.pt", "callback", ["kept"], 1),
    ] as [(String, String?, [String]?, Int?)])
  func namesStartAtTheRoot(file: String, root: String?, names: [String]?, outside: Int?) throws {
    let checkpoint = try Checkpoint.open(
      path: Fixture.path(file), options: ReadingOptions(root: root))
    if let names { #expect(checkpoint.source.tensors.map(\.name) == names) }
    #expect(checkpoint.metadata["tensorsOutsideRoot"]?.intValue == outside)
  }

  @Test func valuesBesideTheRootAreKept() throws {
    let checkpoint = try Checkpoint.open(
      path: Fixture.path("valid/protocol-2.pt"), options: ReadingOptions(root: "state_dict"))
    #expect(checkpoint.metadata["values"]?["global_step"] == 7)
    #expect(checkpoint.metadata["wrapper"] == "state_dict")
  }

  @Test(arguments: [
    ("valid/params-ema.pt", "ema", "expected one of 'params', 'params_ema'"),
    ("valid/tensor.pt", "ema", "and no dictionary of tensors below its top"),
  ])
  func aRootThatIsNotThereIsAnErrorThatListsWhatIs(
    file: String, root: String, end: String
  ) throws {
    let path = Fixture.path(file)
    let message = "\(path): the pickle has nothing at the root '\(root)', \(end)"
    do {
      _ = try Checkpoint.open(path: path, options: ReadingOptions(root: root))
      Issue.record("'\(root)' was found")
    } catch {
      #expect("\(error)" == message)
    }
  }

  @Test func safetensorsHaveNoRoots() throws {
    let path = Fixture.path("valid/shapes.safetensors")
    #expect {
      try Checkpoint.open(path: path, options: ReadingOptions(root: "a"))
    } throws: {
      "\($0)" == "\(path): a root ('a') is chosen in pickles only, this is safetensors"
    }
  }
}
