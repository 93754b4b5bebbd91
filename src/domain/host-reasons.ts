// What a reason means and what to do on a host, where that differs from a cluster; and the reasons that only a cluster gives.
import type { Reason } from './conditions.ts'
import type { ReasonText } from './reason-text.ts'
import { reasons } from './reasons.ts'

/** What is left out is as on a cluster. */
const onHost: Partial<Record<Reason, Partial<ReasonText>>> = {
  Available: { means: 'The engine runs.' },
  BytesLeft: {
    means: 'The Model is gone, and bytes of it stay in a folder that no Runtime looks into any more.',
    todo: 'Remove them by hand; the message names the folder, and `switchyard discover FOLDER` what lies there.',
  },
  AttemptsExhausted: { todo: 'Read the message, then `switchyard retry model/NAME`.' },
  RuntimeNotFound: { todo: 'Apply the Runtime or take its name out.' },
  ModelNotFound: { todo: 'Apply the Model or name another.' },
  DeploymentNotFound: {
    means:
      'What runs the engine is not there: its program is not on the PATH, or the unit in spec.host.unit does not exist.',
    todo: 'Install the engine, name it in spec.host.command, or correct spec.host.unit; the message says which.',
  },
  DeploymentShared: {
    means: 'Two Runtimes name the same unit; the older one keeps it.',
    todo: 'Name the unit in one Runtime only.',
  },
  ClaimNotFound: {
    means: 'The folder of the models does not exist.',
    todo: 'Make it, mount its disk, or correct spec.storage.directory.',
  },
  StoreNotOnVolume: {
    means: 'The engine keeps its models in a folder that is not known, or not the one of the Runtime.',
    todo: 'Set spec.storage.directory to the folder that the engine keeps its models in.',
  },
  TokenSecretMissing: {
    means: 'The file with the access token does not exist, or is open to others.',
    todo: '`switchyard login NAME`, with the name in tokenSecretRef; work goes on by itself.',
  },
  Unauthorized: { todo: 'Give a valid token: `switchyard login NAME`, with the name in tokenSecretRef.' },
  NotFound: {
    todo: 'Check the name; for a private one name a token in tokenSecretRef and `switchyard login NAME`.',
  },
  EngineKeyNeeded: {
    todo: 'Name a Secret with its key in spec.apiKeySecretRef and put the key there: `switchyard login NAME --key KEY`.',
  },
  PodNotStarted: {
    means: 'A process cannot be started.',
    todo: 'Read the message: it is what the machine says about it.',
  },
  OwnedFlagInArgs: { todo: 'Take the flag out of the words that start the engine.' },
  EngineCannotServe: {
    todo: 'Use vLLM for safetensors; Ollama or LlamaCpp for one GGUF file or a name of an Ollama registry.',
  },
  UnknownEntrypoint: {
    means: 'The command of the engine is not one of its known ones.',
    todo: 'Start vLLM with `vllm serve`, Ollama with `ollama serve`: in spec.host.command, or in ExecStart of the unit.',
  },
  ShellCommand: {
    means: 'The unit starts its engine through a shell string, which cannot be changed safely.',
    todo: 'Let ExecStart of the unit start vLLM itself, or leave spec.host.unit out.',
  },
  VolumeNotWritable: {
    means: 'The folder of the models cannot be written to by the account that the daemon runs as.',
    todo: 'Give the folder to that account or to a group that it is in (chgrp, chmod g+rwX), and let its unit write there: ReadWritePaths= by `systemctl edit switchyard`. The message names the folder, uid and mode.',
  },
  Volume: {
    means: 'The disk of the folder gives input/output errors.',
    todo: 'Look at the disk: `journalctl -k`, then its file system.',
  },
  NoSpace: { means: 'The disk is full.', todo: 'Free space; `switchyard discover` says what takes it.' },
  OutOfMemory: {
    means: 'The device or the machine has not enough memory for the model.',
    todo: 'Choose a smaller model or quantization, shorten the context in engineArgs, or raise MemoryMax= of the engine’s unit.',
  },
  PortTaken: {
    todo: 'Find it with `ss -ltnp`, and end it or set another spec.host.port.',
  },
  FilesUnreadable: { todo: '`switchyard verify MODEL`; what is damaged is fetched again.' },
  UnloadStalled: {
    means:
      'The old model does not leave the device: its processes do not end, or the engine keeps it loaded.',
    todo: 'Look at the device (nvidia-smi) and the engine’s log; end what holds it, or restart an Ollama that is not ours.',
  },
  EngineUnreachable: {
    means: 'The engine does not listen or does not answer on its address.',
    todo: 'Read its log (`switchyard logs RUNTIME`); the message names the address.',
  },
  EngineUnhealthy: { todo: 'Read its log; end its process when it does not recover: it is started again.' },
  EngineSilent: {
    todo: 'Raise the time-out when it is only slow; else end its process: Switchyard restarts nothing that may be busy.',
  },
  EngineAsleep: { todo: 'Wake it up, or end its process: it is started again.' },
  WrongEngine: { todo: 'Correct spec.host.port, spec.host.url or spec.engine, or end what answers there.' },
  CrashLoop: {
    todo: 'Read the message and `switchyard logs RUNTIME --previous`; make another model active, or correct the cause.',
  },
  LoadStalled: {
    todo: 'Read `switchyard logs RUNTIME`; raise spec.switch.stallSeconds when it is only slow.',
  },
  Interrupted: { means: 'The work was ended from outside (a signal, a reboot, out of memory).' },
  Policy: {
    means: 'A limit of Switchyard does not allow this.',
    todo: 'Read the message: it names the limit.',
  },
  Unexpected: {
    means: 'Something happened that nobody planned for; the log of the daemon has the details.',
    todo: 'Report it with the log lines: `journalctl -u switchyard`.',
  },
}

/** Of parts that a host does not have. */
const onlyOnCluster: readonly Reason[] = [
  'ClaimNotMounted',
  'ConfigMapNotFound',
  'FieldConflict',
  'NodeLost',
  'OwnedByController',
  'PlacementUnknown',
  'ProbeWillKill',
  'ScaledByAutoscaler',
  'ServiceNotFound',
  'TooManyReplicas',
  'UnknownContainer',
]

/** Undefined for a reason that no host gives. */
export const hostText = (reason: Reason): ReasonText | undefined =>
  onlyOnCluster.includes(reason) ? undefined : { ...reasons[reason], ...onHost[reason] }

export const textOf = (reason: Reason, platform: 'host' | 'cluster'): ReasonText =>
  (platform === 'host' ? hostText(reason) : undefined) ?? reasons[reason]
