/** One notice in the corner, as `ToastRegion` draws it. */
export interface ToastItem {
  id: string;
  tone?: "neutral" | "good" | "bad";
  title: string;
  detail?: string;
  action?: { label: string; run: () => void };
}
