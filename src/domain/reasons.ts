// The closed table of reasons: what each means and what to do; where a host differs, host-reasons.ts says so.
import { type ReasonText, text } from './reason-text.ts'
import { reasonsToAct } from './reasons-to-act.ts'

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
  ...reasonsToAct,

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
