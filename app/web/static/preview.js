// Shows the chosen file before it is sent; without this module the form works just the same.
const input = document.getElementById("image");
const frame = document.getElementById("preview");
const picture = frame.querySelector("img");
// After a refusal the form itself may carry the earlier picture; a new file takes its place.
const again = document.getElementById("again");
const carried = document.getElementsByName("picture_again");

// Some servers in front of ours cut a request that is too large, and with it all that was typed.
function check(file) {
  const isTooLarge = file && file.size > Number(input.dataset.largest);
  input.setCustomValidity(isTooLarge ? input.dataset.tooLarge : "");
  if (isTooLarge) input.reportValidity();
}

function show() {
  URL.revokeObjectURL(picture.src);
  const [file] = input.files;
  frame.hidden = true;
  check(file);
  if (again) again.hidden = Boolean(file);
  for (const part of carried) part.disabled = Boolean(file);
  if (file) picture.src = URL.createObjectURL(file);
}

// Only what the browser can show is shown: some readable formats are not among them.
picture.addEventListener("load", () => { frame.hidden = false; });
picture.addEventListener("error", () => { frame.hidden = true; });
input.addEventListener("change", show);
if (input.files.length) show();
