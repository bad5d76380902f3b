import Foundation
import Testing

/// One file a defect, one exact line an error. The files are made by `Fixtures/containers/make.py`.
@Suite struct HostileFileTests {
  static let messages: [(file: String, text: String)] = [
    (
      "append-to-none.pt",
      "archive/data.pkl at byte 4: expected a list or set to append to, found None"
    ),
    ("bad-json.safetensors", "the header is invalid JSON at byte 13: expected a value, found '}'"),
    (
      "bad-rebuild.pt",
      "archive/data.pkl at byte 39: torch._utils._rebuild_tensor_v2: the arguments are no "
        + "storage, offset, sizes and strides"
    ),
    ("bad-utf8.pt", "archive/data.pkl at byte 2: a string is not valid UTF-8"),
    (
      "bomb.pt",
      "member 'archive/data.pkl' has 163 bytes in the file and claims to be 2147483647 "
        + "bytes long"
    ),
    ("byteorder.pt", "the byteorder is \"middle\", expected \"little\" or \"big\""),
    ("deep-tuples.pt", "the pickle nests values more than 56 levels deep"),
    ("deep.pt", "the pickle nests values more than 56 levels deep"),
    (
      "deflate-late.pt",
      "member 'archive/data/0' has the checksum fffcbe87, expected 8a4add54: damaged?"
    ),
    ("deflate-short.pt", "member 'a/data.pkl' does not inflate to its 1000 bytes: damaged?"),
    ("deflate.pt", "member 'a/data.pkl' has the checksum b6aaa215, expected 6b05651b: damaged?"),
    ("directory-size.pt", "the zip directory ends at byte 274, expected 391"),
    ("duplicate-key.safetensors", "the header is invalid JSON at byte 62: key 'a' stands twice"),
    ("duplicate.pt", "two members are named 'a/data.pkl'"),
    ("empty.ckpt", "is empty (0 bytes)"),
    ("encrypted.pt", "member 'archive/data.pkl' is encrypted"),
    ("extra-member.safetensors", "tensor 'a': unknown member 'x'"),
    (
      "falling-offsets.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    (
      "flag-bits.pt",
      "member 'archive/data.pkl' has the flags 0 in the directory but 1 in its header"
    ),
    ("frame.pt", "archive/data.pkl at byte 2: the pickle ends in the middle: truncated?"),
    ("header-offset.pt", "the zip has no header of member 'archive/data.pkl' at byte 7"),
    (
      "header-past-end.safetensors",
      "the header claims 100 bytes, the file has 7 after the length: truncated?"
    ),
    ("hole.safetensors", "tensor 'b' starts at data byte 8, expected 4: a hole between tensors"),
    ("huge-header.safetensors", "the header claims 100000001 bytes, safetensors allows 100000000"),
    ("laughs.pt", "the pickle stands for more than 1000000 values"),
    ("legacy-trailing.pt", "storages at byte 365: 3 bytes behind the last one"),
    ("legacy-truncated.pt", "storages at byte 341: number 0 reaches past the end: truncated?"),
    (
      "lfs.ckpt",
      "not a checkpoint of a known format: a Git LFS pointer: fetch the file that it stands "
        + "for"
    ),
    (
      "local-crc.pt",
      "member 'archive/data.pkl' has the checksum 2266445003 in the directory but "
        + "3735928559 in its header"
    ),
    (
      "local-method.pt",
      "member 'archive/data.pkl' has the compression method 0 in the directory but 8 in its "
        + "header"
    ),
    (
      "local-name.pt",
      "member 'archive/data/0' has the name archive/data/0 in the directory but "
        + "archive/data/1 in its header"
    ),
    ("long-string.pt", "archive/data.pkl at byte 2: the pickle ends in the middle: truncated?"),
    ("member-count.pt", "the zip spans several disks"),
    ("member-counts.pt", "the zip directory has 2 members, expected 3"),
    ("memo.pt", "archive/data.pkl at byte 2: memo entry 7 was never put"),
    ("metadata-number.safetensors", "'__metadata__' has a value that is not a string: 'a'"),
    (
      "method.pt",
      "member 'archive/data.pkl' has compression method 12, expected 0 (stored) or 8 "
        + "(deflate)"
    ),
    ("missing-dtype.safetensors", "tensor 'a': 'dtype' is missing"),
    ("missing-storage.pt", "tensor 'w' lies in storage '9', which the file does not have"),
    ("negative-extent.safetensors", "tensor 'a': 'shape' is not a list of whole numbers from 0 up"),
    ("negative-size.pt", "tensor 'w' has impossible sizes [-1], strides [1] or offset 0"),
    ("negative-stride.pt", "tensor 'w' has impossible sizes [2], strides [-1] or offset 3"),
    ("no-mark.pt", "archive/data.pkl at byte 2: the opcode finds no mark on the stack"),
    ("no-stop.pt", "archive/data.pkl at byte 3: the pickle ends in the middle: truncated?"),
    ("noise.ckpt", "not a checkpoint of a known format: starts with bytes de ad be ef 00 01 02 03"),
    (
      "not-torch.pt",
      "a zip archive without a data.pkl, so not a PyTorch checkpoint; its first member is "
        + "'readme.txt'"
    ),
    ("odd-f4.safetensors", "tensor 'a': f4_e2m1 [3] is not a possible size"),
    ("odd-items.pt", "archive/data.pkl at byte 5: a key without a value"),
    ("offset-outside.pt", "tensor 'w' reaches element 4 of a storage of 4"),
    ("opcode.pt", "archive/data.pkl at byte 2: unknown pickle opcode 0xff"),
    ("outside.pt", "tensor 'w' reaches element 5 of a storage of 4"),
    (
      "overflow.safetensors",
      "tensor 'a': f32 [1099511627776, 1099511627776] is not a possible size"
    ),
    ("overlap.safetensors", "tensor 'b' starts at data byte 4, expected 8: tensors overlap"),
    (
      "payload-crc.pt",
      "member 'archive/data/0' has the checksum 9bbc7bc3, expected ecbb4b55: damaged?"
    ),
    (
      "persistent.pt",
      "archive/data.pkl at byte 4: expected a persistent id of a storage, found a whole "
        + "number"
    ),
    ("protocol.pt", "archive/data.pkl at byte 0: pickle protocol 9, expected at most 5"),
    ("rank.pt", "tensor 'w' has impossible sizes [2, 2], strides [1] or offset 0"),
    (
      "reduce-none.pt",
      "archive/data.pkl at byte 4: expected a class or function to call, found None"
    ),
    (
      "repetition.pt",
      "tensor 'w' repeats a smaller storage up to 68719476736 bytes, expected at most "
        + "268435456"
    ),
    (
      "same-header.pt",
      "member 'archive/data/0' has the name archive/data/0 in the directory but "
        + "archive/data.pkl in its header"
    ),
    ("same-name.pt", "two tensors are named 'a.b'"),
    ("second-pickle.pt", "archive/data.pkl at byte 3: 12 bytes behind the end of the pickle"),
    ("short.safetensors", "not a checkpoint of a known format: starts with bytes 10 00 00 00"),
    (
      "size-overflow.pt",
      "tensor 'w' has impossible sizes [1099511627776, 1099511627776], strides [0, 0] or "
        + "offset 0"
    ),
    (
      "storage-claim-overflow.pt",
      "tensor 'w' lies in storage '0' of 9223372036854775807 bytes, found 16"
    ),
    ("storage-longer.pt", "tensor 'w' lies in storage '0' of 8 bytes, found 16"),
    (
      "expansion.pt",
      "the deflated members up to 'a/data/0' claim 70000000 bytes, expected at most 67108864 in an "
        + "archive of this size"
    ),
    ("storage-claim.pt", "tensor 'w' lies in storage '0' of 32 bytes, found 16"),
    (
      "stride-overflow.pt",
      "tensor 'w' has impossible sizes [1048576, 4], strides [4611686018427387904, 1] or "
        + "offset 0"
    ),
    ("text.ckpt", "not a checkpoint of a known format: starts with \"<html>404 not fo\""),
    ("trailing.safetensors", "1 byte after the last tensor that no tensor claims"),
    ("truncated.pt", "the zip has no end record: truncated?"),
    ("truncated.safetensors", "tensor 'a' ends at data byte 16, the file holds 10: truncated?"),
    ("two-pickles.pt", "two pickles: 'a/data.pkl' and 'b/data.pkl'"),
    (
      "two-values.pt",
      "archive/data.pkl at byte 4: the pickle ends with 2 values on the stack, expected 1"
    ),
    ("underflow.pt", "archive/data.pkl at byte 2: the opcode finds too few values on the stack"),
    ("unknown-dtype.safetensors", "tensor 'a' has the unknown dtype 'F99'"),
    ("wrong-length.safetensors", "tensor 'a' has 4 bytes, expected 8 for f32 [2]"),
  ]

  /// Of every container.
  static let all = messages + numpy + safetensors + HostileOldFiles.messages

  @Test(arguments: all) func isRefusedWithOneClearLine(file: String, text: String) {
    let path = Fixture.path("hostile/" + file)
    #expect(Fixture.message(path) == "\(path): \(text)")
  }

  @Test func everyFileIsTested() throws {
    let folder = Fixture.folder.appending(path: "hostile").path(percentEncoded: false)
    let files = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
    // A sound file with something extra in it: see `unreadMembersAreReported`.
    #expect(files.subtracting(["extra-member-beside.pt"]) == Set(Self.all.map(\.file)))
  }

  @Test func aMissingFileIsRefused() {
    #expect(Fixture.message("/nowhere/x.ckpt") == "/nowhere/x.ckpt: no such file or folder")
  }
}
