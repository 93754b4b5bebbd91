// The closed table of reasons: what each means and what to do; where a host differs, host-reasons.ts says so.

export interface ReasonText {
  /** what it means */
  readonly means: string
  /** what to do; empty when nothing has to be done */
  readonly todo: string
}

const text = (means: string, todo = ''): ReasonText => ({ means, todo })

/** Every reason there is. `docs/reasons.md` is generated from it. */
export const reasons = {
  // going well
  Progressing: text('Work towards the wanted state has begun.'),
  Resolving: text('The source is being resolved to an exact commit or digest and a file list.'),
  Resolved: text('The source is pinned to a commit or digest.'),
  Downloading: text('Bytes are being fetched and hashed.'),
  DownloadStalled: text(
    'A download runs and no byte has come for ten seconds; the worker goes on trying.',
    'Read the message: it names the host and what it last answered.',
  ),
  Verifying: text('Bytes on the volume are being hashed again, or a serving is being proved.'),
  Downloaded: text('Every wanted copy is on its volume and every byte was verified.'),
  Detected: text('Capabilities were read from the files of the model.'),
  NotDetected: text(
    'The files of the model did not tell its capabilities.',
    'Set spec.capabilities when you know better.',
  ),
  Fits: text('The bytes of the model fit into the quota of every wanted volume, or are there already.'),
  FitUnknown: text(
    'Whether the bytes fit is known when the worker has looked: no quota is known, or part of them may be there already.',
  ),
  CapabilitiesAgree: text(
    'What the running engine says of itself agrees with the capabilities of the Model.',
  ),
  CapabilitiesDiffer: text(
    'The running engine claims more than the capabilities of the Model say.',
    'Correct spec.capabilities of the Model, or the engine’s arguments; the message has both values.',
  ),
  CapabilitiesNotTold: text('The running engine, or the Model, does not say what could be compared.'),
  NothingWanted: text(
    'No Runtime wants this Model, so no copy is needed.',
    'Name a Runtime in spec.runtimes, or make the Model active on one.',
  ),
  Queued: text('The work waits for its turn.'),
  Active: text('The wanted model is proved to be the one that answers.'),
  Observing: text(
    'No model is wanted here; what serves is reported and left alone.',
    'Set spec.activeModel to let Switchyard decide.',
  ),
  Idle: text('The runtime is unloaded because spec.desiredState is Idle.'),
  Switching: text('A switch to another model is running.'),
  Draining: text('Running requests are let end before the old model is unloaded.'),
  Unloading: text('The old model is leaving the device.'),
  Loading: text('The engine is loading the model.'),
  SwitchDue: text('A switch is about to begin.'),
  Available: text('The Deployment has its pod.'),
  Healthy: text('The volume is there and can hold what is wanted.'),
  Deleting: text('Deletion was asked and clean-up is running.'),
  BytesLeft: text(
    'The Model is gone, and bytes of it stay on a volume that cannot be reached.',
    'Remove them by hand when the volume is back; the message names the claim.',
  ),
  Paused: text('spec.paused is set; nothing is changed.', 'Unset spec.paused to go on.'),
  Cancelled: text(
    'A person cancelled it; what was fetched and verified stays.',
    'Ask with `switchyard retry`, or change the spec, to go on.',
  ),
  Replaced: text('A newer wish took the place of this one.'),
  // waiting for something named
  RuntimeNotFound: text(
    'A Runtime named in spec.runtimes does not exist.',
    'Create the Runtime or take its name out.',
  ),
  ModelNotFound: text(
    'The Model named in spec.activeModel does not exist.',
    'Create the Model or name another.',
  ),
  DeploymentNotFound: text(
    'The Deployment named in spec.kubernetes.deploymentName does not exist.',
    'Create it, or correct the name.',
  ),
  ClaimNotFound: text(
    'The PersistentVolumeClaim does not exist.',
    'Create the claim, or correct spec.storage.claimName.',
  ),
  ConfigMapNotFound: text(
    'The ConfigMap that the engine reads does not exist.',
    'Create it with the engine, or correct spec.kubernetes.configMap.',
  ),
  ServiceNotFound: text(
    'The Service named in spec.kubernetes.serviceName does not exist.',
    'Create it, or correct the name.',
  ),
  TokenSecretMissing: text(
    'The Secret or key with the access token does not exist.',
    'Create the Secret named in tokenSecretRef; work goes on by itself.',
  ),
  PlacementUnknown: text(
    'The claim is unbound and no node with the engine’s device is known.',
    'Wait for such a node, allow the operator to list nodes, or set spec.placement.',
  ),
  PodNotStarted: text(
    'A worker pod cannot start.',
    'Read the message: it is what the cluster says about the pod.',
  ),
  ModelInUse: text(
    'The Model is deleted but a Runtime still uses it.',
    'Make another Model active on the Runtimes that are named.',
  ),
  WaitingForModel: text(
    'The wanted model is not verified on this volume yet; the present one keeps serving.',
  ),
  VolumeBusy: text('Another work or a switch uses the volume.'),
  NodeLost: text('The node of the pod does not answer.', 'Bring the node back, or let the pod move.'),
  // a person must act
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
  // will be tried again
  SourceUnavailable: text('The source does not answer properly.', ''),
  RateLimited: text('The source asks to wait.', 'Name a token: its limits are higher.'),
  TransferFailed: text('The connection broke while bytes were fetched.'),
  Interrupted: text('The work was ended from outside (node, eviction, out of memory).'),
  AttemptsExhausted: text(
    'Every attempt failed.',
    'Read the message, then set the annotation switchyard.dev/retry-requested-at.',
  ),
  ApiUnavailable: text('The platform does not answer.'),
  NotSupported: text('This platform cannot do that.'),
  Unexpected: text(
    'Something happened that nobody planned for; the log of the operator has the details.',
    'Report it with the log lines.',
  ),
} as const satisfies Record<string, ReasonText>
