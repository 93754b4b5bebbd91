// Which flags of vLLM a Model or Runtime may not set, each with its reason.
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'
import { type Group, parseGroups, toRoot } from './vllm-args.ts'
import { findFlagKind } from './vllm-flags.ts'

const bytes = 'it names other files than the verified ones'
const code = 'it names code that the engine would run'
const door = 'clients and probes reach the engine where the Runtime says'
const ends = 'the engine would not serve'

/** Flag → why it is refused in engineArgs. */
export const refusedFlags: Readonly<Record<string, string>> = {
  model: 'Switchyard sets it to the verified folder',
  'served-model-name': 'Switchyard sets it to the name of the Model and the alias',
  config: 'Switchyard writes the file that the container reads',
  revision: bytes,
  'code-revision': bytes,
  'tokenizer-revision': bytes,
  tokenizer: bytes,
  'hf-config-path': bytes,
  'download-dir': bytes,
  'load-format': 'weights could be made up or read from formats that run code',
  'model-class-overrides': code,
  'trust-remote-code': 'it runs code of the repository',
  middleware: code,
  'tool-parser-plugin': code,
  'reasoning-parser-plugin': code,
  'io-processor-plugin': code,
  'logits-processors': code,
  'scheduler-cls': code,
  'worker-cls': code,
  'worker-extension-cls': code,
  'trust-request-chat-template': 'clients could send templates',
  'allowed-local-media-path': 'clients could read files of the engine',
  'api-key': 'a key on a command line can be read by everybody; set it in the container',
  'hf-token': 'a token on a command line can be read by everybody; name it in the Model',
  host: door,
  port: door,
  uds: door,
  'root-path': door,
  grpc: door,
  'ssl-keyfile': door,
  'ssl-certfile': door,
  'ssl-ca-certs': door,
  headless: ends,
  help: ends,
  version: ends,
}

/** Flags that describe one model; found in a container they give way, beside a config file they would win over it. */
export const modelFlags: ReadonlySet<string> = new Set([
  'model',
  'served-model-name',
  'revision',
  'code-revision',
  'tokenizer-revision',
  'tokenizer',
  'hf-config-path',
])

/** Throws Rejected `ArgumentNotAllowed` for the first argument that is refused, naming it and why. */
export const checkEngineArgs = (args: readonly string[]): void => {
  for (const group of parseGroups(args)) checkGroup(group)
}

const checkGroup = (group: Group): void => {
  const written = group.words[0] ?? ''
  if (group.name === undefined) refuse(written, 'it belongs to no flag')
  if (written === '--') refuse(written, 'what follows would be read as the model')
  const expanded = group.words.find(word => word.includes('$('))
  if (expanded) refuse(expanded, '$( ) would be replaced by an environment variable')
  const refused = findRefused(group.name ?? '')
  if (refused) refuse(written, refused)
  if (/^-[^-]/.test(written) && !group.isKnown)
    refuse(written, 'this short flag is not known; write the long one')
}

/** An unfinished name is refused when any refused flag begins like it: another version may take it for that one. */
const findRefused = (name: string): string | undefined => {
  const root = toRoot(name)
  const reason = refusedFlags[root]
  if (reason || findFlagKind(root)) return reason
  const beginning = root.startsWith('no-') ? root.slice(3) : root
  const meant = Object.keys(refusedFlags).find(flag => flag.startsWith(beginning))
  return meant && `it can be read as --${meant}`
}

const refuse = (argument: string, why: string): never => {
  throw new Rejected('ArgumentNotAllowed', `engineArgs: ${show(argument)} is not allowed: ${why}`)
}
