import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
