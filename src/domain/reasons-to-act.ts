// The reasons that a person must act on: a part of the closed table, each with what to do.
import { type ReasonText, text } from './reason-text.ts'

export const reasonsToAct = {
  InvalidSpec: text('The object breaks a rule of its schema.', 'Correct the field that is named.'),
  InvalidName: text('A name is not one that its source can have.', 'Correct the field that is named.'),
  InvalidEndpoint: text('An address is not a plain http(s) address.', 'Correct the field that is named.'),
  EngineCannotServe: text(
    'This kind of source cannot run on this engine.',
    'Use vLLM for safetensors, and Ollama for one GGUF file or a name of an Ollama registry.',
  ),
  ArgumentNotAllowed: text(
    'An argument is owned by Switchyard or is unsafe.',
    'Take the argument out; the message names it.',
  ),
  ShellCommand: text(
    'The container starts its engine through a shell string, which cannot be changed safely.',
    'Write command and args as a list, use a config file, or a made Deployment.',
  ),
  UnknownContainer: text(
    'The container that should run the engine is not in the pod template.',
    'Set spec.kubernetes.container.',
  ),
  UnknownEntrypoint: text(
    'The command of the container is not one of the engine’s known ones.',
    'Start vLLM with `vllm serve`, Ollama with `ollama serve`.',
  ),
  TooManyReplicas: text(
    'The Deployment has more than one replica.',
    'Set replicas to 1; one Runtime is one serving.',
  ),
  ScaledByAutoscaler: text(
    'A HorizontalPodAutoscaler owns the replicas of the Deployment.',
    'Remove the autoscaler from this Deployment.',
  ),
  DeploymentShared: text(
    'Two Runtimes name the same Deployment; the older one keeps it.',
    'Give each Runtime a Deployment of its own.',
  ),
  OwnedByController: text(
    'The Deployment belongs to another controller, which would undo every change.',
    'Point the Runtime at a Deployment that no other operator makes.',
  ),
  OwnedFlagInArgs: text(
    'A flag that belongs into the config file also stands in the arguments and would win.',
    'Remove the flag from the container’s args.',
  ),
  ClaimNotMounted: text(
    'The container does not mount the claim.',
    'Mount the claim in the engine’s container, or correct spec.storage.',
  ),
  StoreNotOnVolume: text(
    'The store of Ollama does not lie on the claim.',
    'Set OLLAMA_MODELS to a folder of the mounted claim.',
  ),
  FieldConflict: text(
    'Another manager owns a field that a switch must change.',
    'Use a config file, an ignore rule in that tool, or a made Deployment.',
  ),
  NotFound: text(
    'The repository, model or file does not exist, or is private.',
    'Check the name; for a private one name a Secret with a token.',
  ),
  RevisionNotFound: text('The revision does not exist in the repository.', 'Correct the revision.'),
  Unauthorized: text('The server refuses the token.', 'Put a valid token into the Secret.'),
  Gated: text(
    'The licence of the model must be accepted first.',
    'Accept it on the model’s page with the account of the token.',
  ),
  Integrity: text(
    'Bytes do not have the digest that their source promises.',
    'Ask for a retry; when it repeats, the source or the network is broken.',
  ),
  UnsafeFormat: text(
    'Only formats that can run code are there, or a weight file is not what its name says.',
    'Choose a repository with safetensors, or name the files in include; a wrong header means the repository is broken.',
  ),
  UnsafePath: text(
    'A file of the repository has a name that could leave its folder.',
    'Do not use this repository.',
  ),
  NothingToFetch: text('The patterns leave no file of weights.', 'Correct include and exclude.'),
  Policy: text('The operator’s policy does not allow this.', 'Ask who runs the operator.'),
  OverBudget: text(
    'The model is larger than what its volume may still hold.',
    'Raise the quota, free space, or delete another Model; the message has both numbers.',
  ),
  NoSpace: text('The volume is full.', 'Free space or enlarge the volume.'),
  VolumeNotWritable: text(
    'The worker cannot write to the volume.',
    'Set spec.worker.securityContext to a user that can; the message names uid and mode.',
  ),
  Volume: text('The volume gives input/output errors.', 'Check the volume and its node.'),
  LoadFailed: text(
    'The engine ended or reported an error while loading the model.',
    'Read the message; correct the model or its arguments.',
  ),
  OutOfMemory: text(
    'The device or the container has not enough memory for the model.',
    'Choose a smaller model or quantization, shorten the context in engineArgs, or raise the container’s memory limit.',
  ),
  PortTaken: text(
    'Another process listens on the port of the engine.',
    'Find it in the pod (or on the node, with hostNetwork), and give one of the two another port.',
  ),
  ArgumentsRefused: text(
    'The engine does not know an argument, or not this value of it.',
    'Correct spec.engineArgs of the Runtime or the Model; the message is what the engine said.',
  ),
  FilesUnreadable: text(
    'The engine cannot read the files of the model: one is missing, cut short or damaged.',
    'Set the annotation switchyard.dev/verify-requested-at on the Model; what is damaged is fetched again.',
  ),
  CrashLoop: text(
    'The engine ends again and again and is restarted ever later.',
    'Read the message and the log of its last run; make another model active, or correct the cause.',
  ),
  LoadStalled: text(
    'Loading made no progress for longer than stallSeconds.',
    'Read the engine’s log; raise spec.switch.stallSeconds when it is only slow.',
  ),
  UnloadStalled: text(
    'The old model does not leave the device: its pod does not end, or the engine keeps it loaded.',
    'Look at the node and its device; delete the pod, or restart the engine.',
  ),
  DeadlineExceeded: text(
    'The switch took longer than maxSeconds.',
    'Raise spec.switch.maxSeconds, or find out why it is slow.',
  ),
  ProofFailed: text(
    'The engine runs but does not answer with the wanted model.',
    'Read the message; it says what was listed or answered.',
  ),
  EngineUnreachable: text(
    'The engine cannot be reached from the operator.',
    'Allow the operator in the NetworkPolicy of the engine; the message names host and port.',
  ),
  EngineUnhealthy: text(
    'The engine runs and says itself that it is not healthy.',
    'Read its log; delete its pod when it does not recover.',
  ),
  EngineSilent: text(
    'The engine gives no answer within spec.proof.timeoutSeconds, and its token counters do not move.',
    'Raise the time-out when it is only slow; else delete its pod: Switchyard restarts nothing that may be busy.',
  ),
  EngineAsleep: text(
    'Somebody put the engine to sleep: it says that it is healthy and answers no request.',
    'Wake it up, or delete its pod.',
  ),
  EngineKeyNeeded: text(
    'The engine wants an API key, and none that it takes could be shown to it.',
    'Name a Secret with its key in spec.apiKeySecretRef, or create or correct that Secret; it goes on by itself.',
  ),
  WrongEngine: text(
    'Something else than the engine of the Runtime answers on its port.',
    'Correct spec.kubernetes.port, spec.kubernetes.container or spec.engine.',
  ),
  WrongModel: text(
    'The engine serves other bytes than the ones that were made active.',
    'Find who starts it with another model or moved the name in its store; then ask for a retry.',
  ),
  TaskNotServed: text(
    'The engine serves the model and has no route for its task.',
    'Set spec.capabilities.task of the Model to what it can do (Chat, Completion, Embedding, Rerank).',
  ),
  ProbeWillKill: text(
    'The container’s probes would end the engine before it can have loaded.',
    'Give the Deployment a startupProbe with a larger budget.',
  ),
  RolledBack: text(
    'The switch failed and the model that served before serves again.',
    'Correct the cause that the message names, or ask for a retry.',
  ),
  SwitchFailed: text(
    'The switch failed and nothing serves.',
    'Correct the cause that the message names, or ask for a retry.',
  ),
  ModelGone: text('The proved model is gone and is being brought back.'),
  ModelEvicted: text(
    'Another client unloaded the model.',
    'Keep other clients from loading models, or give them a runtime of their own.',
  ),
} as const satisfies Record<string, ReasonText>
