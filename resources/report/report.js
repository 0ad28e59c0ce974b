(function () {
  "use strict";
  var tip = document.getElementById("tip");
  function show(event) {
    var told = event.target.getAttribute && event.target.getAttribute("data-tip");
    tip.hidden = !told;
    if (!told) { return; }
    tip.textContent = told;
    var room = 12, box = tip.getBoundingClientRect();
    var left = Math.min(event.clientX + room, window.innerWidth - box.width - 4);
    var top = event.clientY + room;
    if (top + box.height > window.innerHeight) { top = event.clientY - box.height - room; }
    tip.style.left = Math.max(left, 4) + "px";
    tip.style.top = Math.max(top, 4) + "px";
  }
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
})();
