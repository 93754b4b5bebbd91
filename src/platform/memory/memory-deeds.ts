// Who carries out each deed that the memory world does by itself: kubelets, the Deployment controller, workers.
import { finishStart, loadHalf, settleDeployment, startPod } from './memory-pods.ts'
import { dropWork, runWorker, startWorker } from './memory-workers.ts'
import type { Doers } from './memory-world.ts'

export const doers: Doers = {
  startWorker,
  runWorker,
  dropWork,
  settleDeployment,
  startPod,
  loadHalf,
  finishStart,
  dropPod: (world, { name }) => void world.pods.drop(name),
}
