import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

/// Prefixes, wrappers and earlier names as they are found: each file of `Fixtures/embeddings/variants`
/// is a sound one with its names or shapes disturbed.
@Suite struct NameVariantTests {
  @Test(arguments: [
    ("doubled-prefix", "unet"), ("module-in-front", "unet"), ("compiled-in-the-middle", "unet"),
    ("both-wrappers", "unet"), ("bare-unet", "unet"), ("vae-old-attention", "vae"),
    ("vae-bare", "vae"), ("vae-linear-attention", "vae"), ("text-without-text-model", "text"),
    ("positions-missing", "text"), ("positions-float", "text"), ("positions-misplaced", "text"),
    ("v-pred", "unet-xl"), ("v-pred-ztsnr", "unet-xl"), ("edm-vpred", "unet-xl"),
    ("v-pred-metadata", "unet-xl"),
  ])
  func disturbedNamesMeanTheSame(name: String, sound: String) throws {
    func canonical(_ name: String) throws -> [String: Content] {
      try canonicalContents(
        ofFile: FixtureFile.path("embeddings/variants/\(name).safetensors")
      ).filter { !$0.key.hasPrefix("original.") }
    }
    let found = try canonical(name)
    #expect(found.count > 10)
    #expect(try found == canonical(sound))
  }
}
