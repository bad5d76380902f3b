import TensorCore
import Testing

@testable import Checkpoints

@Suite struct TorchLayoutTests {
  /// Found by mutating pickles: the stride of a dimension of 1 counts for nothing, but overflowed.
  @Test func aSingleRowMayHaveAnyStride() throws {
    let tensor = TorchTensor(
      storage: 0, elementType: .uint8, offset: 0, sizes: [1, 2], strides: [1 << 62, 2],
      pickleOffset: 0)
    let layout = try TorchLayout(tensor, type: .uint8, name: "w", storageBytes: 4)
    let storage = ByteStorage(copying: ([7, 8, 9, 10] as [UInt8]).span.bytes)
    let view = StridedElements(layout.order, in: storage, 0..<4)
      .view(of: layout.description)
    #expect(view.storage.array(in: 0..<2) == [7, 9])
  }

  /// `torch.load` reads the older form of every protocol that it can be asked to write.
  @Test func theOlderFormOfProtocolOneIsRecognised() {
    let start = "L119547037146038801333356L\n.M"
    func recognises(_ text: String) -> Bool {
      TorchContents.recognises(ByteStorage(copying: Array(text.utf8).span.bytes))
    }
    #expect(recognises(start))
    #expect(!recognises("L119547037146038801333357L\n.M"))
    #expect(!recognises("Lines of text."))
  }
}
