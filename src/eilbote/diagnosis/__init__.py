"""What evidence means: probes gather it elsewhere, pure code here judges it and says who must act."""
