import { entry } from "./entry.ts";

/** Signing and publishing models. */
export const producerFaq = [
  entry(
    "publish",
    "Run peerllm producer publish with the file, --name acme/tiny and --version 1.2.0. It is signed and uploaded.",
    [
      "How do I publish a model?",
      "How can I publish my model?",
      "Which command publishes a model?",
      "How do I upload a model?",
      "How do I share my model?",
      "I made a model. How do I publish it?",
    ],
    ["How can I publish a model?", "What is the command to publish a model?"],
  ),
  entry(
    "sign",
    "Run peerllm producer sign with the path of the model.",
    ["How do I sign a model?", "How can I sign my model?", "Which command signs a model?", "How is a model signed?"],
    ["What is the command to sign a model?", "How can a model be signed?"],
  ),
  entry(
    "verify",
    "Run peerllm producer verify with the path, --signature and --public-key. It exits with 0 or 5.",
    [
      "How do I verify a model?",
      "How can I verify a signature?",
      "Which command verifies a model?",
      "How do I check a signature?",
    ],
    ["What is the command to verify a model?", "How can I check the signature of a model?"],
  ),
  entry(
    "signature-format",
    "Models are signed in the OpenSSF Model Signing format 1.0, a Sigstore bundle.",
    [
      "What format are signatures in?",
      "Which signature format is used?",
      "How are models signed?",
      "What is the signing format?",
    ],
    ["Which format do the signatures have?", "What signature format does PeerLLM use?"],
  ),
  entry(
    "producer-key",
    "Run peerllm producer key create; otherwise the key is made on first use.",
    [
      "How do I make a signing key?",
      "Where does the signing key come from?",
      "Which command creates a key?",
      "How do I create a producer key?",
    ],
    ["How can I create a signing key?", "How do I get a key for signing?"],
  ),
  entry(
    "yank",
    "Run peerllm producer yank. The version stays, but nobody new is given it.",
    [
      "How do I withdraw a model?",
      "How do I yank a version?",
      "Can I delete a model?",
      "How do I take back a version?",
      "What does yank do?",
    ],
    ["How can I withdraw a version?", "Can a published version be removed?"],
  ),
  entry(
    "producer-list",
    "Run peerllm producer list.",
    [
      "How do I see my models?",
      "Which command lists my models?",
      "How do I list what I published?",
      "Where are my published models?",
    ],
    ["How can I list my published models?", "What models have I published?"],
  ),
  entry(
    "version-change",
    "No. A published version never changes; publish a new version instead.",
    [
      "Can I change a published version?",
      "Can a version change?",
      "How do I update a model?",
      "Can I edit a published model?",
    ],
    ["Is it possible to change a published version?", "Can I overwrite a version?"],
  ),
  entry(
    "name-owner",
    "A name belongs to the key that first published it.",
    [
      "Who owns a model name?",
      "Can someone take my model's name?",
      "How are names owned?",
      "Who may publish under a name?",
    ],
    ["Who owns the name of a model?", "To whom does a model name belong?"],
  ),
  entry(
    "visibility",
    "There are three: local for one machine, private for a private network, and global for everyone.",
    [
      "What visibilities are there?",
      "Who can see my model?",
      "What does --visibility do?",
      "How do I keep a model private?",
      "Can a model be private?",
    ],
    ["Which visibilities can a model have?", "What does the visibility of a model mean?"],
  ),
  entry(
    "set-royalty",
    "Publish it with --royalty and the dollars per 100,000 tokens.",
    ["How do I set a royalty?", "How do I ask for a royalty?", "Which flag sets the royalty?", "Can I earn a royalty?"],
    ["How can I set a royalty for my model?", "How do I get royalties?"],
  ),
  entry(
    "sell-model",
    "Publish it with --price for a single sale, or with --monthly for a subscription.",
    [
      "How do I sell a model?",
      "Can I sell my model?",
      "How do I set the price of my model?",
      "How do I sell a model monthly?",
    ],
    ["How can I sell a model?", "Is it possible to sell my model?"],
  ),
  entry(
    "hugging-face",
    "Yes. Publish hf:owner/repo/file.gguf and it is pinned by its digest.",
    [
      "Can I publish a model from Hugging Face?",
      "Does Hugging Face work?",
      "How do I use a Hugging Face model?",
      "What does hf: mean?",
    ],
    ["Can I use models from Hugging Face?", "How can I publish from Hugging Face?"],
  ),
  entry(
    "file-format",
    "Models are GGUF files.",
    [
      "Which file format do models have?",
      "What is the model format?",
      "Which format is needed for a model?",
      "What kind of file is a model?",
    ],
    ["What file format are the models in?", "Which format must my model be in?"],
  ),
  entry(
    "manifest",
    "The manifest says a model's name, version, licence, summary, size, visibility and prices.",
    ["What is a manifest?", "What is in the manifest?", "What does the manifest say?", "Explain the manifest."],
    ["What does a manifest contain?", "What is a model's manifest?"],
  ),
  entry(
    "model-reference",
    "A reference looks like acme/tiny:1.2.0: the owner, the name and the version.",
    [
      "What does a model reference look like?",
      "How are models named?",
      "What is a model reference?",
      "How do I write a model's name?",
    ],
    ["How is a model referenced?", "What form does a model name have?"],
  ),
  entry(
    "tampered",
    "It is refused with exit code 5, and the message says which file is wrong.",
    [
      "What happens to a tampered model?",
      "What if a model file was changed?",
      "What happens if the signature is wrong?",
      "What if a byte of a model is changed?",
    ],
    ["What happens when a model was tampered with?", "What if a signature does not match?"],
  ),
];
