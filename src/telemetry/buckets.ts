// Histogram borders: controller-runtime's and client-go's, so that their dashboards and alerts fit.

/** reconcile_time_seconds */
export const reconcile = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
]

/** workqueue_*_duration_seconds: ten nanoseconds to a thousand seconds */
export const queue = Array.from({ length: 12 }, (_, n) => 10 ** (n - 8))

/** rest_client_request_duration_seconds */
export const request = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
